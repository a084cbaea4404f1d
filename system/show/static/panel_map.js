// A heat map of rows over columns: orange above zero, blue below, stripes where there is no number.
import { node, repeat, set, titled, write } from "./draw.js";

export default function map(root, feed, options) {
  const { heading, aside } = titled(root, "");
  const caption = node("caption");
  const head = node("tr");
  const body = node("tbody");
  const table = node("table", { class: "heat-map" }, caption, node("thead", {}, head), body);
  const empty = node("p", { class: "empty" });
  root.append(node("div", { class: "scroll tall", tabindex: 0, role: "region" }, table), empty);
  return () => {
    const { title, note = "", words = "", columns = [], rows = [], scale = 0, unit = "", written = false, positive = "adds", empty: none = "" } = options.content ?? {};
    write(heading, title ?? "");
    write(aside, note);
    set(table.parentElement, { "aria-label": title });
    write(caption, words);
    table.hidden = rows.length === 0;
    empty.hidden = rows.length > 0;
    write(empty, none);
    const every = written ? 1 : Math.max(1, Math.ceil(columns.length / 8));
    repeat(head, columns.length + 1, () => node(head.children.length ? "th" : "td")).forEach((cell, index) => {
      if (!index) return;
      set(cell, { scope: "col" });
      const label = columns[index - 1];
      const shown = node("span", { class: (index - 1) % every ? "hidden" : null }, label);
      if (cell.dataset.label !== label) cell.replaceChildren(shown);
      cell.dataset.label = label;
    });
    repeat(body, rows.length, () => node("tr", {}, node("th", { scope: "row" }))).forEach((element, index) => {
      drawRow(element, rows[index], { columns, scale, unit, written, positive });
    });
  };
}

function drawRow(element, row, { columns, scale, unit, written, positive }) {
  const negative = positive === "adds" ? "hedge" : "adds";
  set(write(element.firstChild, row.name), { title: row.name });
  while (element.children.length > row.cells.length + 1) element.lastElementChild.remove();
  while (element.children.length < row.cells.length + 1) element.append(node("td", {}, node("span")));
  row.cells.forEach((value, index) => {
    const cell = element.children[index + 1];
    const share = scale ? Math.min(1, Math.abs(value ?? 0) / scale) : 0;
    const words = row.texts ? row.texts[index] : value === null ? "none" : `${value.toFixed(1).replace("-", "−")} ${unit}`;
    set(cell, {
      class: value === null ? "none" : value < 0 ? negative : positive,
      style: `--share:${(Math.sqrt(share) * (written ? 60 : 100)).toFixed(0)}%`,
      title: `${row.name}, ${columns[index]}: ${words}`,
    });
    set(write(cell.firstChild, words), { class: written ? null : "hidden" });
  });
}
