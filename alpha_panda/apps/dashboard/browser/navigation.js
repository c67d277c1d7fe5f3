export function render({ model, el }) {
  const shown = model.shown;
  el.append(node("nav", {}, ...shown.places.map((place) => node("a", { href: place.path }, place.title))));
}
