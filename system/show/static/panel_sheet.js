// A table of an answer: texts from the server, columns named there. A cell is a text, or a text with the sign
// that colours it, or the share of a bar.
import { node, repeat, set, signClass, titled, write } from "./draw.js";

export default function sheet(root, feed, options) {
  const { heading, aside } = titled(root, "");
  const caption = node("caption");
  const head = node("tr");
  const body = node("tbody");
  const table = node("table", { class: "grid" }, caption, node("thead", {}, head), body);
  const empty = node("p", { class: "empty" });
  root.append(node("div", { class: "scroll tall", tabindex: 0, role: "region" }, table), empty);
  return () => {
    const { title, note = "", words = "", columns = [], rows = [], empty: none = "" } = options.content ?? {};
    write(heading, title ?? "");
    write(aside, note);
    set(table.parentElement, { "aria-label": title });
    write(caption, words);
    caption.hidden = !words;
    table.hidden = rows.length === 0;
    empty.hidden = rows.length > 0;
    write(empty, none);
    repeat(head, columns.length, () => node("th", { scope: "col" })).forEach((cell, index) => {
      set(write(cell, columns[index].name), { class: !index || columns[index].kind === "text" ? "left" : null, title: columns[index].hint || null });
    });
    repeat(body, rows.length, () => node("tr")).forEach((row, index) => drawRow(row, rows[index], columns));
  };
}

function drawRow(row, { cells, kind = "" }, columns) {
  set(row, { class: kind || null });
  repeat(row, cells.length, () => node(row.children.length ? "td" : "th", row.children.length ? {} : { scope: "row" }));
  cells.forEach((cell, index) => drawCell(row.children[index], cell, index ? columns[index].kind : "name"));
}

function drawCell(element, cell, kind) {
  if (kind === "bar") {
    const [bar] = repeat(element, 1, () => node("i"));
    set(bar, { style: `width:${(Math.abs(cell.share ?? 0) * 100).toFixed(1)}%`, class: (cell.share ?? 0) < 0 ? "hedge" : "adds" });
    set(element, { class: "share" });
    return;
  }
  const { text, sign } = typeof cell === "string" ? { text: cell, sign: 0 } : cell;
  write(element, text);
  set(element, { class: kind === "name" ? null : kind === "text" ? "words" : `number ${sign ? signClass(sign) : ""}` });
}
