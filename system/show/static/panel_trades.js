// What was traded, and VaR before and after each trade.
import { ago, node, repeat, set, signClass, titled, write } from "./draw.js";

const COLUMNS = ["Trade", "Market time", "VaR before", "VaR after", "Change", "Took"];
const SHOWN = 6;
const LATE_MS = 5000;

export default function trades(root) {
  titled(root, "Trades and VaR", "incl. price moves of the same batch");
  const head = node("tr", {}, ...COLUMNS.map((name) => node("th", { scope: "col" }, name)));
  const body = node("tbody");
  root.append(node("table", { class: "grid" }, node("thead", {}, head), body));
  const empty = node("p", { class: "empty" }, "No trade since this dashboard began to listen.");
  root.append(empty);
  return (state) => {
    const rows = state.trades.slice(0, SHOWN);
    empty.hidden = rows.length > 0;
    repeat(body, rows.length, line).forEach((element, index) => draw(element, rows[index], state));
  };
}

function line() {
  const cells = COLUMNS.slice(1).map(() => node("td", { class: "number" }));
  return node("tr", {}, node("th", { scope: "row" }), ...cells);
}

function draw(element, row, state) {
  const [what, clock, before, after, change, took] = element.children;
  set(element, { class: row.state, title: row.trade_id });
  write(what, row.what || row.trade_id);
  write(clock, row.clock);
  write(before, row.before);
  write(after, row.state === "refused" ? `refused: ${row.note}` : row.after);
  set(write(change, row.change), { class: `number ${signClass(-row.change_sign)}` });
  write(took, row.state === "sent" ? waiting(row, state) : row.took);
}

function waiting(row, state) {
  const age = row.sent_ms_ago + (Date.now() - state.tradesAt);
  return age > LATE_MS ? `not in VaR after ${ago(age)}: look into /v1/rejected` : `on its way, ${ago(age)}`;
}
