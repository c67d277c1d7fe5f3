"""Image and containers: what compose.yaml and the Dockerfile refer to exists, is pinned, and is kept to itself."""

import base64
import fnmatch
import json
import pathlib
import re
import shlex
import subprocess
import tomllib
from typing import Any

import pytest
import yaml

from alpha_panda.apps.alerts.channels import ALERTS
from alpha_panda.apps.web.build import SECRET, WebOptions, check_exposure
from alpha_panda.database import DATABASE_URL
from alpha_panda.database.address import SqliteFile, parsed
from alpha_panda.errors import ConfigurationError
from alpha_panda.live.observer import ACCOUNT, FEED, PORTFOLIO, SIGNALS
from tests.commands import complaint
from tests.kafka import VERSION as KAFKA_OF_TESTS

ROOT = pathlib.Path(__file__).parents[1]
COMPOSE = (ROOT / "compose.yaml").read_text(encoding="utf-8")
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
PROMETHEUS = yaml.safe_load((ROOT / "live/observability/prometheus.yml").read_text(encoding="utf-8"))

PINNED = re.compile(r"[a-z/-]+:v?\d+\.\d+(\.\d+)?(-[\w.]+)*")  # PostgreSQL's versions have two numbers

# By their own Dockerfiles: appuser, nobody, nobody, grafana.
NOT_ROOT = ("apache/kafka", "prom/prometheus", "prom/node-exporter", "grafana/grafana")

# Kafka writes its settings among its own files when it starts.
WRITES_BESIDE_ITS_VOLUMES = {"kafka"}


def filled_in(text: str) -> str:
    """Return a text of compose.yaml as Compose reads it where no variable is set."""
    defaults = re.sub(r"(?<!\$)\$\{(\w+):-([^}]*)\}", r"\2", text)
    return defaults.replace("$$", "$")


DOCUMENT = yaml.safe_load(COMPOSE)
SERVICES: dict[str, dict[str, Any]] = DOCUMENT["services"]
ONE_SHOT = {name for name, service in SERVICES.items() if service["restart"].startswith("on-failure")}
PLATFORM = [name for name, service in SERVICES.items() if "build" in service]
EVERY = pytest.mark.parametrize("name", SERVICES)


def test_every_variable_has_a_default_so_that_one_container_needs_none():
    bare = [match for match in re.findall(r"(?<!\$)\$(?!\$)\{?[^}]*\}?", COMPOSE) if ":-" not in match]
    assert not bare


@EVERY
def test_an_image_is_built_here_or_pinned(name: str):
    service = SERVICES[name]
    assert "build" in service or PINNED.fullmatch(service["image"])


def test_what_the_image_is_made_of_is_pinned():
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert bases
    assert all(PINNED.fullmatch(base) for base in bases)
    assert len(set(bases)) == 1, "what was compiled in one image is run in another"
    assert re.search(r"pip install .*\buv==\d+\.\d+\.\d+ ", DOCKERFILE)
    assert DOCKERFILE.count("--constraint requirements.lock") == 1


def test_compose_runs_the_kafka_that_the_tests_run():
    tag = SERVICES["kafka"]["image"].partition(":")[2]
    assert tag.split(".")[:2] == KAFKA_OF_TESTS.split(".")[:2]


@EVERY
def test_what_is_mounted_exists(name: str):
    for volume in SERVICES[name].get("volumes", []):
        source = volume.split(":")[0]
        if source.startswith("."):
            assert (ROOT / source).exists(), source
            assert volume.endswith(":ro"), f"{source} is the user's own, and only read"
        elif not source.startswith("/"):
            assert source in DOCUMENT["volumes"]


def test_every_volume_is_used():
    mounted = {volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
    assert set(DOCUMENT["volumes"]) <= mounted


@EVERY
def test_a_service_says_whether_it_is_well_or_ends(name: str):
    assert name in ONE_SHOT or SERVICES[name]["healthcheck"]["test"][0] == "CMD"


@EVERY
def test_a_service_waits_for_what_it_needs_in_a_way_that_can_come_true(name: str):
    for needed, terms in SERVICES[name].get("depends_on", {}).items():
        completes = terms["condition"] == "service_completed_successfully"
        assert completes or terms["condition"] == "service_healthy"
        assert completes == (needed in ONE_SHOT)


@EVERY
def test_a_port_is_open_to_this_machine_alone(name: str):
    for port in SERVICES[name].get("ports", []):
        assert port.startswith("127.0.0.1:")
    assert SERVICES[name].get("network_mode", "bridge") == "bridge"


@EVERY
def test_a_service_may_do_no_more_than_it_must(name: str):
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service.get("read_only", False) != (name in WRITES_BESIDE_ITS_VOLUMES)
    if "build" not in service:
        assert service["image"].partition(":")[0] in NOT_ROOT or service["user"] not in ("root", "0")


def test_the_image_runs_as_nobody_in_particular():
    assert re.findall(r"^USER (\w+)$", DOCKERFILE, re.MULTILINE) == ["panda"]


@EVERY
def test_a_service_starts_again_and_may_end_in_peace(name: str):
    service = SERVICES[name]
    assert service["init"] is True
    assert service["restart"] == ("on-failure:3" if name in ONE_SHOT else "unless-stopped")
    assert int(service["stop_grace_period"].removesuffix("s")) >= 30


# ── The platform ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", PLATFORM)
def test_what_is_run_is_a_command(name: str):
    assert not complaint(command_of(name))


def test_every_stage_has_a_service():
    stages = [stage for name in PLATFORM for stage in stages_of(name)]
    assert sorted(stages) == sorted((FEED, SIGNALS, ACCOUNT, PORTFOLIO))


def test_what_the_image_runs_by_itself_is_a_command():
    (usual,) = re.findall(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    assert not complaint(shlex.join(json.loads(usual)))


def test_only_the_portfolio_waits_for_redis():
    waiting = {name for name, service in SERVICES.items() if "redis" in service.get("depends_on", {})}
    assert waiting == {"portfolio"}


def test_the_platform_reads_every_variable_that_it_is_given():
    given = set(re.findall(r"\bALPHA_PANDA_[A-Z_]+", COMPOSE + DOCKERFILE))
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "alpha_panda").rglob("*.py"))
    assert {"ALPHA_PANDA_KAFKA", "ALPHA_PANDA_REDIS_URL"} <= given
    assert not {name for name in given if f'"{name}"' not in sources}


def test_prometheus_asks_every_stage_where_it_answers():
    stages, *_ = PROMETHEUS["scrape_configs"]
    targets = [target for static in stages["static_configs"] for target in static["targets"]]
    targets += [f"{name}:{found['port']}" for found in stages["dns_sd_configs"] for name in found["names"]]
    answering = {f"{name}:{port_of(name)}" for name in PLATFORM if stages_of(name)}
    assert set(targets) == answering


def test_prometheus_asks_the_web_app_where_nobody_signs_in():
    (web,) = [job for job in PROMETHEUS["scrape_configs"] if job["job_name"] == "web"]
    assert [static["targets"] for static in web["static_configs"]] == [[f"web:{port_of('web')}"]]
    published = {port.rpartition(":")[2] for port in SERVICES["web"]["ports"]}
    assert port_of("web") not in published


def test_a_service_is_asked_for_its_health_where_it_answers():
    for name in set(PLATFORM) - ONE_SHOT:
        *_, program = SERVICES[name]["healthcheck"]["test"]
        port, place = (port_of(name, "--port"), "live") if name == "web" else (port_of(name), "ready")
        assert f"http://127.0.0.1:{port}/health/{place}" in program
        compile(program, name, "exec")


# ── The web app ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_web_app_does_not_start_without_a_secret_and_a_name(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(SECRET, filled_in(SERVICES["web"]["environment"][SECRET]))
    with pytest.raises(ConfigurationError, match=f"set {SECRET}"):
        check_exposure(exposed("web"))
    monkeypatch.setenv(SECRET, "0123456789abcdef0123456789abcdef")
    with pytest.raises(ConfigurationError, match="--public-url"):
        check_exposure(exposed("web"))


def test_on_a_laptop_a_secret_is_all_that_the_dashboard_asks_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(SECRET, filled_in(SERVICES["live"]["environment"][SECRET]))
    with pytest.raises(ConfigurationError, match=f"set {SECRET}"):
        check_exposure(exposed("live"))
    monkeypatch.setenv(SECRET, "0123456789abcdef0123456789abcdef")
    check_exposure(exposed("live"))
    (port,) = SERVICES["live"]["ports"]
    assert exposed("live").public_url == f"http://{port.rpartition(':')[0]}"


def test_a_secret_is_given_to_those_alone_who_need_it():
    given = {
        name: {variable for variable in service.get("environment", {}) if variable.startswith("ALPHA_PANDA_")}
        for name, service in SERVICES.items()
    }
    assert {name for name in given if SECRET in given[name]} == {"web", "live"}
    assert {name for name in given if ALERTS in given[name]} == {"web", "live"}
    assert {name for name in given if DATABASE_URL in given[name]} == {"web", "live", "feed", "account"}


def test_a_database_of_a_laptop_lies_on_a_volume():
    address = parsed(SERVICES["live"]["environment"][DATABASE_URL])
    assert isinstance(address, SqliteFile)
    assert f"state:/app/{address.path.parent}" in SERVICES["live"]["volumes"]


def test_the_image_gets_every_file_that_goes_into_the_wheel():
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    admitted = [line.removeprefix("!") for line in ignored if line.startswith("!")]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    for path in (
        *wheel["packages"],
        *wheel["force-include"],
        *project["project"]["license-files"],
        "requirements.lock",
    ):
        assert any(fnmatch.fnmatch(path, pattern) for pattern in admitted), f"{path} is not sent to the builder"


# ── What it stands on ────────────────────────────────────────────────────────────────────────────────────────────────


def test_kafka_keeps_everything_and_makes_no_topic_by_itself():
    settings = SERVICES["kafka"]["environment"]
    assert settings["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"
    assert settings["KAFKA_LOG_RETENTION_MS"] == -1
    cluster = settings["CLUSTER_ID"]
    assert base64.urlsafe_b64encode(base64.urlsafe_b64decode(f"{cluster}==")).decode() == f"{cluster}=="


@pytest.mark.parametrize("environment", [{}, {"GF_SECURITY_ADMIN_PASSWORD": ""}])
def test_grafana_does_not_start_without_a_password(environment: dict[str, str]):
    shell, flag, script = SERVICES["grafana"]["entrypoint"]
    command = [shell, flag, filled_in(script)]
    answer = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    assert answer.returncode != 0
    assert "set GRAFANA_PASSWORD to a password for the user admin" in answer.stderr


def test_the_database_has_a_password_and_no_default_for_it():
    settings = SERVICES["database"]["environment"]
    assert filled_in(settings["POSTGRES_PASSWORD"]) == "", "its image refuses to make a database without one"
    assert "trust" not in settings["POSTGRES_INITDB_ARGS"]
    variable = re.escape(settings["POSTGRES_PASSWORD"])
    for name in ("feed", "account", "web"):
        url = SERVICES[name]["environment"][DATABASE_URL]
        assert re.fullmatch(rf"postgresql://{settings['POSTGRES_USER']}:{variable}@database/alpha_panda", url)


def test_nothing_begins_before_the_database_answers_that_cannot_do_without():
    waiting = {name for name, service in SERVICES.items() if "database" in service.get("depends_on", {})}
    assert waiting == {"feed", "web"}


def test_grafana_lets_nobody_in_unnamed_and_asks_nobody_outside():
    settings = SERVICES["grafana"]["environment"]
    assert settings["GF_AUTH_ANONYMOUS_ENABLED"] == settings["GF_USERS_ALLOW_SIGN_UP"] == "false"
    assert settings["GF_ANALYTICS_REPORTING_ENABLED"] == settings["GF_ANALYTICS_CHECK_FOR_UPDATES"] == "false"


def test_grafana_finds_its_source_and_its_dashboards():
    mounted = dict(volume.split(":")[:2] for volume in SERVICES["grafana"]["volumes"])
    inside = {target: ROOT / source for source, target in mounted.items() if source.startswith(".")}
    provisioning = inside["/etc/grafana/provisioning"]
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "alpha-panda.yml").read_text())["providers"]
    dashboards = inside[provider["options"]["path"]]
    home = pathlib.PurePosixPath(SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert str(home.parent) == provider["options"]["path"]
    assert (dashboards / home.name).exists()
    (source,) = yaml.safe_load((provisioning / "datasources" / "prometheus.yml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"
    assert source["jsonData"]["timeInterval"] == PROMETHEUS["global"]["scrape_interval"]


# ── Reading the services ─────────────────────────────────────────────────────────────────────────────────────────────


def command_of(name: str) -> str:
    """Return the command line of a service that is built here."""
    (usual,) = re.findall(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    return filled_in(SERVICES[name].get("command", shlex.join(json.loads(usual))))


def stages_of(name: str) -> list[str]:
    found = re.search(r"--stages (\S+)", command_of(name))
    return found.group(1).split(",") if found else []


def port_of(name: str, option: str = "--metrics-port") -> str:
    found = re.search(rf"{option} (\d+)", command_of(name))
    assert found, f"{name} answers nowhere"
    return found.group(1)


def exposed(name: str) -> WebOptions:
    """Return how a service serves the web app, where no variable is set."""
    words = dict(
        word.split("=", 1) for word in re.sub(r"(--\S+) (?=[^-])", r"\1=", command_of(name)).split() if "=" in word
    )
    prefix = "--web-" if "--web-port" in words else "--"
    return WebOptions(
        state=pathlib.Path(words["--state"]), host=words[f"{prefix}host"], public_url=words[f"{prefix}public-url"]
    )
