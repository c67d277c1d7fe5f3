// Draws the OpenAPI document: what all routes have in common, the routes, the models. Every text is set as text.
"use strict";

const METHODS = ["get", "post", "put", "patch", "delete"];

function make(tag, text, kind) {
  const element = document.createElement(tag);
  if (text) element.textContent = text;
  if (kind) element.className = kind;
  return element;
}

function typed(schema) {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.anyOf) return schema.anyOf.map(typed).join(" or ");
  if (schema.enum) return schema.enum.join(" | ");
  if (schema.oneOf) return schema.oneOf.map(typed).join(" or ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.type === "array") return `${typed(schema.items)}[]`;
  return schema.type || "";
}

// The little of Markdown that the document has: paragraphs, lists, examples, `code` and **stress**.
function written(text) {
  const place = make("div", "", "written");
  const blocks = [];
  for (const block of (text || "").replace(/\n+$/, "").split("\n\n")) {
    const last = blocks.length - 1;  // an example may have empty lines
    if (block.startsWith("    ") && last >= 0 && blocks[last].startsWith("    ")) blocks[last] += `\n\n${block}`;
    else blocks.push(block);
  }
  for (const block of blocks) {
    if (block.startsWith("    ")) {
      place.append(make("pre", block.replace(/^    /gm, "")));
    } else if (block.startsWith("- ")) {
      const list = make("ul");
      for (const each of block.slice(2).split(/\n- /)) list.append(phrased(make("li"), each));
      place.append(list);
    } else {
      place.append(phrased(make("p"), block));
    }
  }
  return place;
}

function phrased(element, text) {
  for (const part of text.split(/(`[^`]+`|\*\*[^*]+\*\*)/)) {
    if (part.startsWith("`")) element.append(make("code", part.slice(1, -1)));
    else if (part.startsWith("**")) element.append(make("strong", part.slice(2, -2)));
    else element.append(part);
  }
  return element;
}

function table(head, rows) {
  const made = make("table");
  for (const row of [head, ...rows]) {
    const line = made.insertRow();
    for (const cell of row) line.append(make(row === head ? "th" : "td", cell));
  }
  return made;
}

function about(route) {
  const place = make("div", "", "about");
  place.append(written(route.description));
  const rows = (route.parameters || []).map((each) => [
    each.name, each.in, typed(each.schema), each.required ? "required" : "", each.description || "",
  ]);
  const body = route.requestBody?.content?.["application/json"]?.schema;
  if (body) rows.push(["body", "JSON", typed(body), "", ""]);
  if (rows.length) place.append(table(["name", "in", "type", "", ""], rows));
  const answers = Object.entries(route.responses || {}).map(([status, each]) => [
    status, typed(each.content?.["application/json"]?.schema), each.description || "",
  ]);
  place.append(table(["answers", "", ""], answers));
  return place;
}

function folded(place, parts, drawn) {
  const details = make("details");
  details.setAttribute("role", "listitem");
  const summary = make("summary");
  summary.append(...parts);
  details.append(summary);
  details.addEventListener("toggle", () => { if (details.childElementCount === 1) details.append(drawn()); });
  place.append(details);
}

function fields(model) {
  const place = make("div", "", "about");
  const needed = new Set(model.required || []);
  place.append(written(model.description));
  place.append(table(["field", "type", "", ""], Object.entries(model.properties || {}).map(([name, each]) => [
    name, typed(each), needed.has(name) ? "always there" : "", each.description || "",
  ])));
  return place;
}

function draw(document_) {
  const groups = new Map((document_.tags || []).map((each) => [each.name, []]));
  const said = new Map((document_.tags || []).map((each) => [each.name, each.description]));
  for (const [path, methods] of Object.entries(document_.paths)) {
    for (const method of METHODS.filter((each) => methods[each])) {
      const tag = (methods[method].tags || ["other"])[0];
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push([method, path, methods[method]]);
    }
  }
  const place = document.getElementById("routes");
  place.textContent = "";
  place.append(written(document_.info.description));
  for (const [tag, routes] of groups) {
    if (!routes.length) continue;
    place.append(make("h2", tag), make("p", said.get(tag) || "", "muted"));
    for (const [method, path, route] of routes) {
      const parts = [make("span", method.toUpperCase(), "method"), make("code", path), make("span", route.summary || "")];
      folded(place, parts, () => about(route));
    }
  }
  place.append(make("h2", "models"), make("p", "What the routes take and answer.", "muted"));
  for (const [name, model] of Object.entries(document_.components?.schemas || {})) {
    folded(place, [make("code", name), make("span", (model.description || "").split("\n")[0])], () => fields(model));
  }
}

fetch("/api/v1/openapi.json", { credentials: "same-origin" })
  .then((answer) => answer.ok ? answer.json() : Promise.reject(new Error(`the server answered ${answer.status}`)))
  .then(draw)
  .catch((error) => { document.getElementById("routes").textContent = `The document cannot be read: ${error.message}.`; });
