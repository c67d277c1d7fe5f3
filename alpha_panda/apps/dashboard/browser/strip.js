// How things stand: mode, account, market, feed, log, store, alarms, clock. Ages are counted here, from the last word of
// the server, so that a server that has died shows; what has not been heard of for long is unknown, not well.

const UNKNOWN_S = 5, SILENT_S = 10, LOOK_MS = 3000, RELOAD_S = 20, REFRESH_MS = 8 * 60 * 1000;
const AMBER_S = 2, RED_S = 10;
const MARKS = { well: "●", note: "●", warn: "▲", bad: "■", unknown: "?" };
const MODES = { paper: "PAPER", live: "LIVE", replay: "REPLAY", none: "NO SESSION" };

function ageText(seconds) {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.floor(seconds)} s`;
  return seconds < 7200 ? `${Math.floor(seconds / 60)} min` : `${Math.floor(seconds / 3600)} h`;
}

function chip(name) {
  const mark = node("i", { "aria-hidden": "true" }), value = node("b");
  const made = node("span", { class: "chip unknown" }, mark, name ? node("span", {}, name) : null, value);
  const show = (tone, text, title = "") => {
    paint(made, `chip ${tone} of-${name.toLowerCase()}`);
    put(mark, MARKS[tone]);
    put(value, text);
    if (made.title !== title) made.title = title;
  };
  return { made, show };
}

// Comes back by itself after the server was away: a new page from a new process, a sign-in where the session is over.
function watchServer(boot, silence) {
  const tries = () => Number(sessionStorage.getItem("reloads") ?? 0);
  let says = "";
  const look = async () => {
    const silent = silence();
    if (silent < SILENT_S) { says = ""; return; }
    // What a person is about to answer, or has just been told, stays; the commands need no connection of the page.
    if (document.querySelector("dialog[open], .notice:not(.wrong)")) return;
    try {
      const answer = await ask("/api/v1/boot", undefined, 4);
      if (answer.status === 401) return signIn();
      if (!answer.ok) { says = `The server answers ${answer.status}`; return; }
      says = "The server answers, this page does not hear it";
      // A page that reloads in vain waits longer each time.
      if (answer.said.boot_id !== boot || silent > RELOAD_S * 2 ** Math.min(tries(), 4)) {
        sessionStorage.setItem("reloads", String(tries() + 1));
        location.reload();
      }
    } catch { says = "The server does not answer"; }
  };
  const looking = setInterval(look, LOOK_MS);
  const carrying = setInterval(() => fetched("/auth/refresh", {}, 5).catch(() => null), REFRESH_MS);
  return { says: () => says, heard: () => sessionStorage.removeItem("reloads"), forget: () => { clearInterval(looking); clearInterval(carrying); } };
}

function alarmsOf(counts) {
  const severities = ["critical", "high", "low"].filter((each) => counts[each]);
  if (!severities.length) return ["well", "none", "No open alarms"];
  const text = severities.map((each) => `${counts[each]} ${each}`).join(" · ");
  return [counts.critical ? "bad" : counts.high ? "warn" : "note", text, "Open alarms by priority"];
}

function sourceOf(source, age) {
  const word = source.read ? "old" : "away";
  if (!source.well) return ["bad", age === null ? word : `${word} ${ageText(age)}`, source.trouble];
  if (age !== null && age > UNKNOWN_S) return ["unknown", "unknown", "It has not been looked at for a while"];
  return ["well", "well", ""];
}

function stateOf(shown) {
  if (shown.killed) return ["bad", "KILLED", shown.account_killed ? "The account is stopped until a person resets it" : "The latch is engaged; the account has not confirmed it yet"];
  if (shown.phase === "ended" && shown.state !== "halted") return ["note", "ended", "The session has ended"];
  if (["recovering", "waiting", "failed"].includes(shown.phase)) return [shown.phase === "failed" ? "bad" : "warn", shown.phase, "The session's own state"];
  const states = { running: "well", reducing: "warn", paused: "warn", halted: "bad" };
  return [states[shown.state] ?? "unknown", shown.state === "reducing" ? "reduce only" : shown.state, shown.halt ? `Because of ${shown.halt}` : ""];
}

export function render({ model, el }) {
  const chips = Object.fromEntries(["Account", "Market", "Feed", "Lag", "Log", "Store", "Alarms", "Page"].map((name) => [name, chip(name)]));
  const mode = node("span", { class: "mode" }), says = node("span", { class: "troubles", role: "status" });
  const clock = node("b"), market = node("span");
  const stop = shownOf(model).may_act ? stopButton({ reason: "STOP from the dashboard" }) : null;
  const time = node("span", { class: "clock", title: "Time in India, by the server's clock; below it how far in the market the feed has come" }, clock, market);
  // Where there is no room, what is between the mode and the STOP is moved sideways.
  const standing = node("div", { class: "standing", tabindex: "0", role: "group", "aria-label": "How things stand" }, ...Object.values(chips).map((each) => each.made));
  el.append(node("section", { class: "status", "aria-label": "Status" }, mode, standing, says, time, stop?.says, stop?.button));

  let heard = performance.now(), heardAt = Date.now(), base = model.beat, hidden = "";
  // A machine that sleeps may stop the one clock, and somebody sets the other.
  const silence = () => Math.max(performance.now() - heard, Date.now() - heardAt) / 1000;
  const server = watchServer(shownOf(model).boot, silence);

  const draw = () => {
    const shown = shownOf(model), gone = silence();
    // How old figures are: since the server took them, and since this page has heard of it.
    const old = gone + (base.taken_age_s ?? 0), unknown = old > UNKNOWN_S || model.failed !== "";
    const word = MODES[shown.mode] ?? shown.mode.toUpperCase();
    put(mode, word);
    paint(mode, `mode ${shown.mode}`);
    mode.title = shown.session ? `${shown.session} at ${shown.broker}` : "No session has begun";
    document.documentElement.dataset.mode = shown.mode;
    const title = `${word} · ${shown.title} · Alpha Panda`;
    if (document.title !== title) document.title = title;

    const show = (name, terms) => (unknown ? chips[name].show("unknown", "unknown", "Nothing was heard from the server") : chips[name].show(...terms));
    show("Account", stateOf(shown));
    show("Market", shown.market_open === null ? ["unknown", "unknown"] : shown.market_open ? ["well", "open"] : ["note", "closed"]);
    show("Lag", shown.lag === null ? ["unknown", "unknown"] : [shown.lag > 5000 ? "bad" : shown.lag > 500 ? "warn" : "well", shown.lag.toLocaleString("en-IN"), "Records that the slowest stage has still to read"]);
    for (const [name, key] of [["Log", "log"], ["Store", "store"]]) {
      const source = shown.sources[key], age = base.read_ages_s?.[key];
      show(name, source ? sourceOf(source, age == null ? null : age + gone) : ["unknown", "unknown"]);
    }
    show("Alarms", alarmsOf(shown.alarms));

    // A session that has ended waits for no frame, and its figures stay what they are.
    const age = base.feed_age_s == null ? null : base.feed_age_s + gone, open = shown.market_open === true && shown.phase !== "ended";
    const late = open && age !== null ? (age > RED_S ? "bad" : age > AMBER_S ? "warn" : "well") : age === null ? "unknown" : "note";
    chips.Feed.show(late, age === null ? "unknown" : ageText(age), "Since the last frame of the market arrived");
    const stale = old > SILENT_S || late === "bad" || shown.is_old ? "red" : unknown || late === "warn" ? "amber" : "";
    if (document.documentElement.dataset.stale !== stale) document.documentElement.dataset.stale = stale;

    const names = [...new Set(undrawn.values())];
    chips.Page.made.hidden = !names.length;
    chips.Page.show("bad", names.length === 1 ? `${names[0]} not drawn` : `${names.length} parts not drawn`, `Old, by what each of them says: ${names.join(", ")}`);

    const why = server.says() || (gone > UNKNOWN_S ? "Nothing is heard from the server" : "The server takes no new figures");
    const lost = model.failed ? `Status: ${model.failed}` : unknown ? `${why}: figures are ${ageText(old)} old` : "";
    put(says, lost || (shown.troubles[0] ?? ""));
    paint(says, lost ? "troubles lost" : "troubles");
    says.title = [lost, ...shown.troubles].filter(Boolean).join("\n");
    put(clock, base.now_ms ? `${inIndia.format(base.now_ms + gone * 1000)} IST` : "–");
    put(market, shown.market_clock ? `market ${shown.market_clock}` : "");
    stop?.hear(shown.killed, shown.account_killed);
  };

  const attempt = () => {
    try {
      draw();
    } catch (error) {
      console.error(error);
      put(says, "The status is old: it cannot be drawn, by a defect of Alpha Panda");
      paint(says, "troubles lost");
    }
  };
  model.on("beat", () => { heard = performance.now(); heardAt = Date.now(); base = model.beat; server.heard(); attempt(); });
  for (const name of ["shown", "failed"]) model.on(name, attempt);
  const drawing = setInterval(attempt, 250);
  // A page that the browser had put away, for the way back, has no connection any more.
  window.addEventListener("pageshow", (event) => event.persisted && location.reload());
  attempt();
  return () => { clearInterval(drawing); server.forget(); stop?.forget(); };
}
