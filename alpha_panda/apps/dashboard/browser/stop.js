// The STOP: held for a second and a half, or clicked (or K) and confirmed. It asks the API by itself, so that it works
// where the page's own connection is dead, and says STOPPED only when the account has said so.

const HOLD_MS = 1500, ASK_AGAIN_MS = 1000;

function stopButton({ reason }) {
  const label = node("span", { class: "label" }, "STOP"), fill = node("span", { class: "fill" });
  const button = node("button", { type: "button", class: "stop", title: "Stop all trading: hold, or click and confirm (K, then Enter)" }, fill, label);
  const says = node("span", { class: "says", role: "alert" });
  let state = "ready", accountKilled = false, wasKilled = false, held = 0, heldThrough = false;

  const draw = () => {
    const word = { ready: "STOP", stopping: "STOPPING", stopped: "STOPPED", undelivered: "NOT DELIVERED" }[state];
    put(label, word);
    paint(button, `stop ${state}`);
    button.disabled = state === "stopping" || state === "stopped";
  };

  const become = (next, sentence = "") => { state = next; put(says, sentence); says.title = sentence; draw(); };

  async function untilKilled() {
    while (state === "stopping") {
      await new Promise((go) => setTimeout(go, ASK_AGAIN_MS));
      const answer = await ask("/api/v1/portfolio/account", undefined, 5).catch(() => null);
      if (state === "stopping" && answer?.ok && answer.said.account?.state === "killed") become("stopped");
    }
  }

  async function send() {
    become("stopping", "Sent: waiting for the account to say that it has stopped.");
    let answer;
    try {
      answer = await ask("/api/v1/control/kill", { strategy: "", reason });
    } catch {
      return become("undelivered", "No answer from the server: nobody knows whether it stopped. Try again, or use alpha-panda kill.");
    }
    if (!answer.ok) return become("undelivered", reasonOf(answer));
    const receipt = answer.said;
    if (accountKilled || receipt.account === "killed") return become("stopped");
    if (receipt.told === "nobody" && !receipt.latch) return become("undelivered", receipt.trouble || "The session could not be told.");
    become("stopping", "The latch is engaged: no order leaves. The account has not confirmed it yet.");
    return untilKilled();
  }

  async function consider() {
    if (button.disabled) return;
    const chosen = await confirmed({
      title: "Stop all trading?", label: "Stop trading", grave: true, asksReason: false,
      detail: "Working orders are cancelled and nothing is sent any more, until a person resets the account. Open positions stay as they are.",
    });
    if (chosen !== null) send();
  }

  const release = () => { clearTimeout(held); held = 0; button.classList.remove("holding"); };
  button.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || button.disabled) return;
    heldThrough = false;
    button.classList.add("holding");
    held = setTimeout(() => { heldThrough = true; release(); send(); }, HOLD_MS);
  });
  for (const name of ["pointerup", "pointerleave", "pointercancel"]) button.addEventListener(name, release);
  button.addEventListener("click", () => { if (!heldThrough) consider(); heldThrough = false; });

  const listen = (event) => {
    if (event.key !== "K" || event.ctrlKey || event.metaKey || event.altKey || isWriting()) return;
    event.preventDefault();
    consider();
  };
  document.addEventListener("keydown", listen);
  draw();

  return {
    button, says,
    forget: () => document.removeEventListener("keydown", listen),
    // What the account and the latch say, whoever engaged it. Figures that are older than what this page asked for do
    // not take it back: only a kill that was seen and is gone does.
    hear(killed, account) {
      accountKilled = account;
      if (account) { if (state !== "stopped") become("stopped"); }
      else if (killed) { if (state === "ready") become("stopping", "The latch is engaged: no order leaves. The account has not confirmed it yet."); }
      else if (wasKilled) become("ready");
      wasKilled = killed || account;
    },
  };
}
