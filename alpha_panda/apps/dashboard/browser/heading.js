// The title of a card, and what is said beside it.

export function render({ model, el }) {
  const note = node("span", { class: "note" });
  const { title } = shownOf(model), header = node("header", {}, node("h2", {}, title), note);
  el.append(header);
  const draw = () => put(note, shownOf(model).note);
  drawn({ model, el }, title, draw, header);
}
