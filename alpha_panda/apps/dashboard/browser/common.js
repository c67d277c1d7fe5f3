// What every part uses: elements, text that changes only where it differs, the API, and the dialog that asks first.

function node(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

const inIndia = new Intl.DateTimeFormat("en-GB", { timeZone: "Asia/Kolkata", hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });

function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function paint(element, classes) {
  if (element.className !== classes) element.className = classes;
}

// What a part shows. It comes as one text, and is read when it is another.
const read = new WeakMap();

function shownOf(model) {
  const text = model.shown;
  if (read.get(model)?.text !== text) read.set(model, { text, says: JSON.parse(text) });
  return read.get(model).says;
}

// What is not drawn on this page, by the line that says so; the strip tells of it.
const undrawn = (window.undrawn ??= new Map());

// Draws a part whenever it shows something else. Where that cannot be done, here or on the server, the part says so and
// fades, and what it last showed stays. Returns what notes an error of a drawing that takes longer, or null.
function drawn({ model, el }, name, draw, place = el) {
  const line = node("p", { class: "failed", role: "alert", hidden: true });
  place.append(line);
  let of = "", broken = "";
  const say = () => {
    const sentence = model.failed || broken;
    put(line, sentence);
    line.hidden = !sentence;
    line.title = sentence;
    el.getRootNode().host?.style.setProperty("--stale", sentence ? "var(--old)" : "");
    if (sentence) undrawn.set(line, name);
    else undrawn.delete(line);
  };
  const note = (error) => {
    if (error) console.error(error);
    else of = inIndia.format(Date.now());
    const said = of ? `As of ${of}, not drawn since` : "Not drawn";
    broken = error ? `${said}, by a defect of Alpha Panda.` : "";
    say();
  };
  const attempt = () => {
    try {
      draw();
      note(null);
    } catch (error) {
      note(error);
    }
  };
  model.on("shown", attempt);
  model.on("failed", say);
  attempt();
  return note;
}

// Whether a key belongs to what is being written, wherever that stands.
function isWriting() {
  let active = document.activeElement;
  while (active?.shadowRoot?.activeElement) active = active.shadowRoot.activeElement;
  return active?.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(active?.tagName) || document.querySelector("dialog[open]") !== null;
}

// ── The API ─────────────────────────────────────────────────────────────────────────────────────────────────────────

async function fetched(path, body, seconds, headers = {}) {
  const terms = { redirect: "error", credentials: "same-origin", cache: "no-store", signal: AbortSignal.timeout(seconds * 1000) };
  if (body !== undefined) Object.assign(terms, { method: "POST", headers: { "Content-Type": "application/json", ...headers }, body: JSON.stringify(body) });
  return fetch(path, terms);
}

// A session's token is short-lived: whoever is refused for its age asks for another one, once. Where nobody can say
// whether the session lasts, that is the answer, and not that it has ended.
async function ask(path, body, seconds = 20, headers = {}) {
  let answer = await fetched(path, body, seconds, headers);
  if (answer.status === 401) {
    const renewed = await fetched("/auth/refresh", {}, 5);
    answer = renewed.ok ? await fetched(path, body, seconds, headers) : renewed;
  }
  let said = null;
  try { said = await answer.json(); } catch { /* an answer without words */ }
  return { ok: answer.ok, status: answer.status, said };
}

// Why something was refused, in a sentence: the API's own where it gave one.
function reasonOf(answer) {
  const sentence = answer.said?.error?.message;
  if (sentence) return sentence[0].toUpperCase() + sentence.slice(1) + ".";
  if (answer.status === 401) return "You are signed out: sign in again.";
  if (answer.status === 403) return "Your role does not allow this.";
  return `The server answered ${answer.status}.`;
}

function signIn() {
  location.assign(`/sign-in?next=${encodeURIComponent(location.pathname)}`);
}

async function signOut() {
  await fetched("/auth/sign-out", {}, 5).catch(() => null);
  signIn();
}

// ── Asking first ────────────────────────────────────────────────────────────────────────────────────────────────────

// Resolves to the reason that was given ("" where none was asked for), or null where the person thought better of it.
function confirmed({ title, detail = "", label, grave = false, asksReason = true }) {
  return new Promise((resolve) => {
    const reason = asksReason ? node("input", { type: "text", maxlength: "200", placeholder: "Reason, for the record", "aria-label": "Reason" }) : null;
    const act = node("button", { type: "submit", class: grave ? "grave" : "main", value: "act" }, label);
    const form = node("form", { method: "dialog" },
      node("h2", {}, title), detail ? node("p", {}, detail) : null, reason,
      node("div", { class: "acts" }, node("button", { type: "button", onclick: () => dialog.close("") }, "Cancel"), act));
    const dialog = node("dialog", { class: "confirm", "aria-label": title }, form);
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "act" ? (reason?.value.trim() ?? "") : null);
    });
    // The key that opened it is not the one that answers it, however long it is held.
    dialog.addEventListener("keydown", (event) => event.key === "Enter" && event.repeat && event.preventDefault());
    document.body.append(dialog);
    dialog.showModal();
    (reason ?? act).focus();
  });
}

// A sentence at the foot of the window that goes away by itself, unless it says that something went wrong.
function notify(sentence, wrong = false) {
  document.querySelectorAll(".notice").forEach((each) => each.remove());
  const notice = node("div", { class: wrong ? "notice wrong" : "notice", role: wrong ? "alert" : "status" }, sentence,
    node("button", { type: "button", "aria-label": "Dismiss", onclick: () => notice.remove() }, "×"));
  document.body.append(notice);
  if (!wrong) setTimeout(() => notice.remove(), 6000);
}

// What a command did, as its receipt says it.
function told(receipt) {
  const what = [receipt.command, receipt.strategy].filter(Boolean).join(" ");
  const trouble = receipt.trouble ? ` ${receipt.trouble}` : "";
  if (receipt.account) return `${what}: the account answers that it is ${receipt.account}.${trouble}`;
  if (receipt.told === "nobody") return `${what}: nobody could be told.${trouble}`;
  return `${what}: sent, and the account has not answered yet.${trouble}`;
}
