// Long to the right, short to the left, one line per asset class, the sum below.
import { node, repeat, set, titled, write } from "./draw.js";

const COLUMNS = ["", "Short", "", "Long", "Gross", "% NAV", "Net", "VaR alone"];

export default function exposure(root) {
  const { heading, aside } = titled(root, "Exposure by asset class");
  const head = node("tr", {}, ...COLUMNS.map((name) => node("th", { scope: "col" }, name)));
  const body = node("tbody");
  const foot = node("tfoot", {}, line(), line());
  root.append(node("table", { class: "grid" }, node("thead", {}, head), body, foot));
  const empty = node("p", { class: "empty" }, "No exposure: the portfolio holds no position.");
  root.append(empty);
  return ({ view }) => {
    if (!view) return;
    const { rows, total, cash, scale, diversification } = view.exposure;
    write(heading, `Exposure by asset class, ${view.currency}`);
    write(aside, `diversification ${diversification}`);
    empty.hidden = rows.length > 0;
    repeat(body, rows.length, line).forEach((element, index) => draw(element, rows[index], scale));
    draw(foot.firstChild, total, null);
    foot.lastChild.hidden = !cash;
    if (cash) draw(foot.lastChild, { ...cash, name: "Cash, apart" }, null);
  };
}

function line() {
  const bars = node("td", { class: "bars" }, node("i", { class: "short" }), node("i", { class: "long" }));
  const number = () => node("td", { class: "number" });
  return node("tr", {}, node("th", { scope: "row" }), number(), bars, number(), number(), number(), number(), number());
}

function draw(element, row, scale) {
  const [name, short, bars, long, gross, percent, net, risk] = element.children;
  write(name, row.name);
  set(write(short, row.short_text), { class: "number short" });
  set(write(long, row.long_text), { class: "number long" });
  write(gross, row.gross_text);
  write(percent, row.gross_percent);
  write(net, row.net_text);
  write(risk, row.var_text);
  const width = (size) => (scale ? `width:${((size / scale) * 50).toFixed(2)}%` : "display:none");
  set(bars.firstChild, { style: width(row.short) });
  set(bars.lastChild, { style: width(row.long) });
}
