export function render({ model, el }) {
  el.append(node("div", {}, JSON.stringify(model.shown)));
}
