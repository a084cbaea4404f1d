// Stressed VaR by window; where there are options, their Greeks and the approximation.
import { node, repeat, set, titled, write } from "./draw.js";

const WINDOWS = ["Window", "VaR", "% NAV", "× VaR", ""];
const GREEKS = ["Underlying", "Delta, 100 %", "Gamma, 1 %", "Vega, point", "Theta, day", "Rho, 1 %"];
const OPTION_PNL = ["P&L since the close", "Actual", "Delta", "Gamma", "Vega", "Theta", "FX", "Unexplained"];

export default function stressed(root) {
  const { heading, aside } = titled(root, "Stressed VaR");
  write(aside, "today's book under the returns of a crisis");
  const windows = table(WINDOWS);
  const greeks = table(GREEKS);
  const empty = node("p", { class: "empty" }, "No stressed window is known: its closes come as reference data.");
  const near = node("p", { class: "near" });
  const gains = table(OPTION_PNL);
  root.append(windows.element, empty, greeks.element, near, gains.element);
  return ({ view }) => {
    if (!view) return;
    const { rows, greeks: sums, approximation, option_pnl: parts } = view.stressed;
    write(heading, `${sums.length ? "Stressed VaR and Greeks" : "Stressed VaR"}, ${view.currency}`);
    empty.hidden = rows.length > 0;
    windows.element.hidden = rows.length === 0;
    greeks.element.hidden = sums.length === 0;
    repeat(windows.body, rows.length, () => line(3, true)).forEach((element, index) => drawWindow(element, rows[index]));
    repeat(greeks.body, sums.length, () => line(5, false)).forEach((element, index) => drawGreeks(element, sums[index]));
    gains.element.hidden = parts.length === 0;
    repeat(gains.body, parts.length, () => line(7, false)).forEach((element, index) => drawGain(element, parts[index]));
    near.hidden = !approximation;
    write(near, approximation);
  };
}

function table(columns) {
  const head = node("tr", {}, ...columns.map((name) => node("th", { scope: "col" }, name)));
  const body = node("tbody");
  return { element: node("table", { class: "grid" }, node("thead", {}, head), body), body };
}

function line(numbers, noted) {
  const cells = Array.from({ length: numbers }, () => node("td", { class: "number" }));
  return node("tr", {}, node("th", { scope: "row" }), ...cells, ...(noted ? [node("td", { class: "said" })] : []));
}

function drawWindow(element, row) {
  const [name, risk, percent, multiple, said] = element.children;
  set(write(name, row.window), { title: row.days });
  write(risk, row.var_text);
  write(percent, row.percent);
  write(multiple, row.multiple);
  set(write(said, row.note), { title: row.note });
  set(element, { class: row.available ? "" : "missing" });
}

function drawGreeks(element, row) {
  const values = [row.name, row.delta_cash, row.gamma_cash, row.vega, row.theta, row.rho];
  [...element.children].forEach((cell, index) => write(cell, values[index]));
}

function drawGain(element, row) {
  const values = [row.name, row.actual, row.delta, row.gamma, row.vega, row.theta, row.fx, row.unexplained];
  [...element.children].forEach((cell, index) => write(cell, values[index]));
}
