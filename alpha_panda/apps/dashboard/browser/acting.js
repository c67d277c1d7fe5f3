// What a button does: asked once more, and sent straight to the API, so that the gate, the roles and the audit are those
// of every other client.

async function perform({ path, body = {}, title, detail, label, grave, asks_reason: asksReason = true, for_s: seconds = 0 }) {
  const reason = await confirmed({ title, detail, label, grave, asksReason });
  if (reason === null) return;
  const until = seconds ? { until: new Date(Date.now() + seconds * 1000).toISOString() } : {};
  const key = Array.from(crypto.getRandomValues(new Uint32Array(4)), (each) => each.toString(16)).join("-");
  const send = () => ask(`/api/v1${path}`, { ...body, ...until, ...(asksReason ? { reason } : {}) }, 20, { "Idempotency-Key": key });
  try {
    const answer = await send().catch(send);  // under its key a command counts once, however often it is sent
    if (answer.ok) notify(answer.said?.command ? told(answer.said) : `${label}: done.`, answer.said?.told === "nobody");
    else notify(`${label}: ${reasonOf(answer)}`, true);
  } catch (error) {
    notify(`${label}: whether it was delivered is unknown, for the server did not answer.`, true);
  }
}

// One listener for the page, however many of its parts have buttons.
function listenForActs() {
  if (window.listensForActs) return;
  window.listensForActs = true;
  document.addEventListener("click", (event) => {
    const chosen = event.composedPath().find((each) => each.dataset?.act);
    if (chosen) perform(JSON.parse(chosen.dataset.act));
  });
}
