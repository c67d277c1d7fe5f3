"""`alpha-panda topics`: the topics of sessions on a Kafka broker."""

import asyncio
import dataclasses
from typing import Annotated

from cyclopts import Parameter

from alpha_panda.cli.options import Json
from alpha_panda.errors import ConfigurationError
from alpha_panda.live.build import KAFKA, kafka_address, open_topics
from alpha_panda.live.topics import Topic, TopicState, topics_of_session
from alpha_panda.terminal import print_json, show, table

Session = Annotated[
    str, Parameter("--session", help="The session, as its state folder is named: live/state/2026-11-20 is 2026-11-20.")
]
Kafka = Annotated[str | None, Parameter("--kafka", help=f"The broker, host:port; else as {KAFKA} says.")]
Partitions = Annotated[int, Parameter("--partitions", help="How many the ticks have, as in the profile's [log].")]
Broker = Annotated[str, Parameter("--broker", help="Whose account the session trades.")]


def create_topics(
    *,
    session: Session,
    partitions: Partitions = 1,
    broker: Broker = "paper",
    replicas: Annotated[
        int | None, Parameter(help="On how many brokers to keep each topic; else on 3, or on 1 where there are fewer.")
    ] = None,
    kafka: Kafka = None,
    json: Json = False,
) -> None:
    """Make the topics of a session, where they are not there yet; they keep what they hold until it is deleted."""
    address, topics = _address(kafka), topics_of_session([broker], partitions)

    async def create() -> list[str]:
        async with open_topics(address) as on_broker:
            return await on_broker.create(session, topics, replicas)

    made = asyncio.run(create())
    if json:
        print_json({"session": session, "created": made, "there": len(topics) - len(made)})
    else:
        there = f", {len(topics) - len(made)} were there" if len(made) < len(topics) else ""
        show(f"made {len(made)} topics of session {session} on {address}{there}")


def check_topics(
    *,
    session: Session,
    partitions: Partitions = 1,
    broker: Broker = "paper",
    kafka: Kafka = None,
    json: Json = False,
) -> None:
    """Compare the topics of a session with what they should be; the exit code is 2 where any differs."""
    address, topics = _address(kafka), topics_of_session([broker], partitions)
    differences = asyncio.run(_differences(address, session, topics))
    if json:
        print_json({"session": session, "topics": len(topics), "differences": differences})
    elif differences:
        show(table(f"Session {session} on {address}", ("difference",), [(each,) for each in differences]))
    else:
        show(f"the {len(topics)} topics of session {session} on {address} are as they should be")
    if differences:
        raise ConfigurationError(
            f"{len(differences)} things are wrong with the topics of session {session}, the first: {differences[0]}; "
            f"make what is missing with alpha-panda topics create --session {session}"
        )


async def _differences(address: str, session: str, topics: list[Topic]) -> list[str]:
    async with open_topics(address) as on_broker:
        return await on_broker.differences(session, topics)


def list_topics(
    *,
    session: Annotated[
        str | None, Parameter("--session", help="Show the topics of this one; else all sessions.")
    ] = None,
    kafka: Kafka = None,
    json: Json = False,
) -> None:
    """List the sessions on a broker, or the topics of one: their partitions and records, and the lag of each group."""
    address = _address(kafka)
    if session is None:
        _list_sessions(address, json)
    else:
        _list_session(address, session, json)


def _list_sessions(address: str, json: bool) -> None:
    async def find() -> list[str]:
        async with open_topics(address) as on_broker:
            return on_broker.sessions()

    sessions = asyncio.run(find())
    if json:
        print_json({"kafka": address, "sessions": sessions})
    elif sessions:
        show(table(f"Sessions on {address}", ("session",), [(name,) for name in sessions]))
    else:
        show(f"no session has topics on {address}")


def _list_session(address: str, session: str, json: bool) -> None:
    async def describe() -> list[TopicState]:
        async with open_topics(address) as on_broker:
            return await on_broker.describe(session)

    topics = asyncio.run(describe())
    if json:
        print_json({"session": session, "topics": [dataclasses.asdict(topic) for topic in topics]})
        return
    rows = [
        (
            topic.name,
            f"{topic.partitions}",
            f"{topic.records:,}",
            ", ".join(f"{group} {lag:,}" for group, lag in sorted(topic.lags.items())),
        )
        for topic in topics
    ]
    show(table(f"Session {session} on {address}", ("topic", "partitions>", "records>", "lag"), rows))


def delete_topics(
    *,
    session: Session,
    yes: Annotated[bool, Parameter("--yes", negative=(), show_default=False, help="Really delete them.")] = False,
    kafka: Kafka = None,
    json: Json = False,
) -> None:
    """Delete a session from the broker, its topics with all they hold; --yes says that you mean it."""
    address = _address(kafka)
    if not yes:
        raise ConfigurationError(
            f"session {session} on {address} would be deleted with everything it traded: say --yes if you mean it"
        )

    async def delete() -> int:
        async with open_topics(address) as on_broker:
            return await on_broker.delete(session)

    deleted = asyncio.run(delete())
    if json:
        print_json({"session": session, "deleted": deleted})
    else:
        show(f"deleted the {deleted} topics of session {session} from {address}")


def _address(kafka: str | None) -> str:
    address = kafka or kafka_address()
    if not address:
        raise ConfigurationError(f"no Kafka is named: give --kafka host:port, or set {KAFKA}")
    return address
