// A sheet: markup that the server made, patched so that what stays the same is never touched.

function patch(old, wanted) {
  if (old.nodeType !== wanted.nodeType || old.nodeName !== wanted.nodeName) return old.replaceWith(wanted.cloneNode(true));
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== wanted.data) old.data = wanted.data;
    return;
  }
  for (const { name } of [...old.attributes]) if (!wanted.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of wanted.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  patchAll(old, wanted);
}

function patchAll(old, wanted) {
  const [before, after] = [[...old.childNodes], [...wanted.childNodes]];
  after.forEach((each, place) => (place < before.length ? patch(before[place], each) : old.append(each.cloneNode(true))));
  before.slice(after.length).forEach((each) => each.remove());
}

export function render({ model, el }) {
  const root = node("section", { class: shownOf(model).ages ? "sheet ages" : "sheet", "aria-label": shownOf(model).label });
  const draw = () => {
    const wanted = document.createElement("template");
    wanted.innerHTML = shownOf(model).markup;
    patchAll(root, wanted.content);
  };
  el.append(root);
  drawn({ model, el }, shownOf(model).label, draw);
  listenForActs();
}
