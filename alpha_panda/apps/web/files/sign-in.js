// Signs in and goes on to where the visitor wanted to go. Nothing secret is kept where a script could read it.
"use strict";

const HINT = "alpha_panda.signed_in"; // only that there may be a session to carry on
const form = document.getElementById("form");
const trouble = document.getElementById("trouble");
const button = form.querySelector("button");

function next() {
  const asked = new URLSearchParams(location.search).get("next") || "/";
  const target = URL.canParse(asked, location.origin) ? new URL(asked, location.origin) : null;
  return target?.origin === location.origin && asked.startsWith("/") ? target.href : "/";
}

function enter() {
  localStorage.setItem(HINT, "1");
  location.replace(next());
}

function tell(label, sentence, waits) {
  trouble.querySelector("strong").textContent = label;
  trouble.querySelector("span").textContent = sentence;
  trouble.classList.toggle("waits", Boolean(waits));
  trouble.hidden = false;
}

async function post(path, body) {
  try {
    return await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
      credentials: "same-origin",
    });
  } catch {
    return null;
  }
}

const LABELS = {
  wrong_credentials: "Not signed in",
  throttled: "Too many attempts",
  too_many_requests: "Too many requests",
  busy: "Busy",
  link_spent: "This link is no longer good",
  foreign_origin: "Wrong address",
  away: "Users cannot be read",
  database_away: "Users cannot be read",
};

async function explain(answer) {
  if (answer === null) {
    tell("Not reachable", "The server does not answer: see whether it runs, then try again.");
    return;
  }
  let error = { code: "", message: `The server answered ${answer.status}.` };
  try {
    error = (await answer.json()).error || error;
  } catch {
    // What is in front of the server answered in its place.
  }
  const sentence = error.message.charAt(0).toUpperCase() + error.message.slice(1);
  tell(LABELS[error.code] || "Not signed in", `${sentence.replace(/[.]$/, "")}.`, answer.status === 429);
  const wait = Number(answer.headers.get("Retry-After"));
  if (wait > 0) {
    button.disabled = true;
    setTimeout(() => { button.disabled = false; trouble.hidden = true; }, Math.min(wait, 600) * 1000);
  }
}

async function begin() {
  const link = new URLSearchParams(location.hash.slice(1)).get("link");
  if (link) {
    history.replaceState(null, "", location.pathname + location.search); // so that it stays in no history
    const answer = await post("/auth/link", { token: link });
    if (answer !== null && answer.ok) enter(); else await explain(answer);
  } else if (localStorage.getItem(HINT)) {
    const answer = await post("/auth/refresh", {});
    if (answer !== null && answer.ok) enter();
    else if (answer !== null && answer.status === 401) localStorage.removeItem(HINT);
  }
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (!form.elements.name.value || !form.elements.password.value) {
    tell("Something is missing", "Give both a name and a password.");
    return;
  }
  button.disabled = true;
  trouble.hidden = true;
  const answer = await post("/auth/sign-in", {
    name: form.elements.name.value.trim(),
    password: form.elements.password.value,
  });
  button.disabled = false;
  if (answer !== null && answer.ok) {
    enter();
    return;
  }
  await explain(answer);
  form.elements.password.value = "";
  form.elements.password.focus();
});

begin();
