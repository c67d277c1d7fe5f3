// The title of a card, and what is said beside it.

export function render({ model, el }) {
  const note = node("span", { class: "note" });
  el.append(node("header", {}, node("h2", {}, shownOf(model).title), note));
  const draw = () => put(note, shownOf(model).note);
  model.on("shown", draw);
  draw();
}
