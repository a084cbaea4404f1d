// Each limit: what is used of it as a bar up to the breach level, and in words.
import { node, repeat, set, titled, write } from "./draw.js";

const COLUMNS = ["", "", "Used", "Now, of NAV", "Warning", "Breach", ""];
const FULL_SCALE = 1.25;

export default function limits(root) {
  const { heading, aside } = titled(root, "Limits");
  const head = node("tr", {}, ...COLUMNS.map((name) => node("th", { scope: "col" }, name)));
  const body = node("tbody");
  root.append(node("table", { class: "grid" }, node("thead", {}, head), body));
  return ({ view }) => {
    if (!view) return;
    write(heading, `Limits, ${view.portfolio}`);
    const raised = view.limits.filter((row) => row.level === "warning" || row.level === "breach");
    write(aside, raised.length ? `${raised.length} raised` : "none raised");
    repeat(body, view.limits.length, line).forEach((element, index) => draw(element, view.limits[index]));
  };
}

function line() {
  const bars = node("td", { class: "limit" }, node("i", {}), node("b", {}));
  const number = () => node("td", { class: "number" });
  const words = node("td", { class: "words" });
  return node("tr", {}, node("th", { scope: "row" }), bars, number(), number(), number(), number(), words);
}

function draw(element, row) {
  const [name, bars, used, value, warning, breach, words] = element.children;
  set(element, { "data-level": row.level });
  write(name, row.name);
  const share = row.used === null ? 0 : Math.min(Math.max(row.used, 0), FULL_SCALE);
  set(bars.firstChild, { style: `width:${((share / FULL_SCALE) * 100).toFixed(2)}%` });
  set(bars.lastChild, { style: `left:${(100 / FULL_SCALE).toFixed(2)}%` });
  write(used, row.used_text);
  write(value, row.value);
  write(warning, row.warning);
  write(breach, row.breach);
  write(words, row.words);
}
