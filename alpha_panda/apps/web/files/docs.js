// Draws the OpenAPI document as a list of routes; every text is set as text.
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
  if (schema.type === "array") return `${typed(schema.items)}[]`;
  return schema.type || "";
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
  if (route.description) place.append(make("p", route.description));
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

function draw(document_) {
  const groups = new Map();
  for (const [path, methods] of Object.entries(document_.paths)) {
    for (const method of METHODS.filter((each) => methods[each])) {
      const tag = (methods[method].tags || ["other"])[0];
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push([method, path, methods[method]]);
    }
  }
  const place = document.getElementById("routes");
  place.textContent = "";
  for (const [tag, routes] of groups) {
    place.append(make("h2", tag));
    for (const [method, path, route] of routes) {
      const details = make("details");
      details.setAttribute("role", "listitem");
      const summary = make("summary");
      summary.append(make("span", method.toUpperCase(), "method"), make("code", path), make("span", route.summary || ""));
      details.append(summary);
      details.addEventListener("toggle", () => { if (details.childElementCount === 1) details.append(about(route)); });
      place.append(details);
    }
  }
}

fetch("/api/v1/openapi.json", { credentials: "same-origin" })
  .then((answer) => answer.ok ? answer.json() : Promise.reject(new Error(`the server answered ${answer.status}`)))
  .then(draw)
  .catch((error) => { document.getElementById("routes").textContent = `The document cannot be read: ${error.message}.`; });
