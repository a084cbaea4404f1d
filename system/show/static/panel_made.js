// How the number was made: estimator, n, k, the tail days, what qualifies it.
import { node, repeat, set, titled, write } from "./draw.js";

export default function made(root) {
  const { aside } = titled(root, "How this VaR was made");
  const notices = node("ul", { class: "notices" });
  const facts = node("dl", { class: "facts" });
  const head = node("tr", {}, ...["Rank", "Scenario day", "P&L", ""].map((name) => node("th", { scope: "col" }, name)));
  const rows = node("tbody");
  const table = node("table", { class: "tail" }, node("caption", {}, "Worst scenario days"), node("thead", {}, head), rows);
  const breaches = node("p", { class: "breaches" });
  root.append(notices, facts, table, breaches);
  return ({ view, days }) => {
    if (!view) return;
    write(aside, view.currency);
    repeat(notices, view.notices.length, () => node("li")).forEach((element, index) => {
      const notice = view.notices[index];
      set(write(element, notice.text), { class: notice.level });
    });
    repeat(facts, view.facts.length, fact).forEach((element, index) => drawFact(element, view.facts[index]));
    repeat(rows, view.tail.length, row).forEach((element, index) => drawRow(element, view.tail[index]));
    write(breaches, days ? `${days.sentence}; ${days.expectation}` : "No end of day yet: no breach can be counted");
  };
}

function fact() {
  return node("div", {}, node("dt"), node("dd"), node("dd", { class: "small" }));
}

function drawFact(element, { name, value, note }) {
  const [title, text, small] = element.children;
  write(title, name);
  write(text, value);
  set(write(small, note), { title: note });
}

function row() {
  const cells = [node("td"), node("td"), node("td", { class: "number" }), node("td", { class: "bar" }, node("i"))];
  return node("tr", {}, ...cells);
}

function drawRow(element, { rank, date, pnl, size, is_var: isVar, in_tail: inTail }) {
  const [place, day, amount, bar] = element.children;
  write(place, isVar ? `${rank} = VaR` : String(rank));
  write(day, date);
  write(amount, pnl);
  set(bar.firstChild, { style: `width:${(size * 100).toFixed(1)}%` });
  set(element, { class: isVar ? "var" : inTail ? "in" : "out", title: inTail ? "in expected shortfall" : null });
}
