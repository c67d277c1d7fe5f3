// What a person may do to the account, besides the STOP: four buttons that never change their places.

export function render({ model, el }) {
  listenForActs();
  const buttons = new Map();
  const group = node("div", { class: "buttons", role: "group", "aria-label": "Controls of the account" });
  el.append(group);
  const draw = () => {
    for (const { label, act, off } of shownOf(model).acts) {
      if (!buttons.has(label)) {
        buttons.set(label, node("button", { type: "button" }, label));
        group.append(buttons.get(label));
      }
      const button = buttons.get(label);
      button.dataset.act = JSON.stringify(act);
      button.disabled = off !== "";
      button.title = off || act.detail;
    }
  };
  drawn({ model, el }, "Controls", draw);
}
