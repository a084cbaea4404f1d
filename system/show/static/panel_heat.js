// Component VaR of each position at each end of day, in basis points of NAV.
import { node, repeat, set, titled, write } from "./draw.js";

export default function heat(root) {
  const { aside } = titled(root, "Who carried the risk, bp of NAV");
  const table = node("table", { class: "heat" });
  const body = node("tbody");
  const dates = node("tr");
  table.append(node("caption", {}, "Component VaR at each close: orange adds risk, blue takes it away"), body, node("tfoot", {}, dates));
  const empty = node("p", { class: "empty" }, "No end of day yet.");
  root.append(table, empty);
  return ({ days }) => {
    const rows = days?.heat_rows ?? [];
    empty.hidden = rows.length > 0;
    table.hidden = rows.length === 0;
    if (!rows.length) return;
    write(aside, days.heat_left_out ? `${rows.length} largest, ${days.heat_left_out} left out` : `darkest ${days.heat_scale.toFixed(0)} bp`);
    repeat(body, rows.length, () => node("tr", {}, node("th", { scope: "row" }))).forEach((element, index) => {
      drawRow(element, rows[index], days);
    });
    drawDates(dates, days.heat_dates);
  };
}

function drawRow(element, row, days) {
  write(element.firstChild, row.instrument);
  while (element.children.length > row.cells.length + 1) element.lastElementChild.remove();
  while (element.children.length < row.cells.length + 1) element.append(node("td"));
  row.cells.forEach((value, index) => {
    const share = days.heat_scale ? Math.min(1, Math.abs(value ?? 0) / days.heat_scale) : 0;
    const words = value === null ? "not held" : `${value.toFixed(1).replace("-", "−")} bp`;
    set(element.children[index + 1], {
      class: value === null ? "none" : value < 0 ? "hedge" : "adds",
      style: `--share:${(Math.sqrt(share) * 100).toFixed(0)}%`,
      title: `${row.instrument}, ${days.heat_dates[index]}: ${words}`,
    });
  });
}

function drawDates(row, dates) {
  const every = Math.max(1, Math.ceil(dates.length / 6));
  const marks = [];
  for (let index = 0; index < dates.length; index += every) {
    marks.push(node("td", { colspan: Math.min(every, dates.length - index) }, dates[index].slice(5)));
  }
  const now = marks.map((mark) => mark.textContent).join();
  if (row.dataset.dates === now) return;
  row.dataset.dates = now;
  row.replaceChildren(node("th"), ...marks);
}
