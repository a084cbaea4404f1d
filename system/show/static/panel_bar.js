// The head of the desk: is it live, what time is it in the market, how fast, and the banner.
import { ago, figure, localClock, node, repeat, set, write } from "./draw.js";

const WORDS = { live: "LIVE", stale: "STALE", warming: "WARMING UP", no_data: "NO DATA YET" };

export default function bar(root, feed, options) {
  const pill = node("span", { class: "pill", role: "status", "aria-live": "polite" });
  const clock = figure("Market time, UTC", "clock");
  const latency = figure("Tick due → number made");
  const change = figure("Newest number");
  const durable = figure("In database");
  const oracle = figure("Independent oracle", "oracle");
  const link = figure("API");
  const figures = [clock, latency, change, durable, oracle, link].map((item) => item.element);
  const line = node("div", { class: "line" }, node("h1", {}, "riskstream"), pill, node("dl", {}, ...figures));
  // The age ticks and is not read out again and again; the sentence is, once.
  const words = node("span", { role: "alert" });
  const age = node("span", { class: "age", "aria-hidden": "true" });
  const banner = node("div", { class: "banner", hidden: "" }, words, age);
  const replay = node("div", { class: "replay", role: "status", hidden: "" });
  const links = node("nav", { "aria-label": "Pages" });
  root.append(line, links, replay, banner);
  const title = options.title;
  feed.opener = (page, portfolio) => options.setTriggerValue("open", { page, portfolio });
  return (state) => {
    const verdict = judged(state);
    set(pill, { class: `pill ${verdict.state}` });
    write(pill, WORDS[verdict.state]);
    write(clock.value, state.view?.event_clock ?? "–");
    drawLatency(latency, state);
    write(change.value, state.changedAt ? `${ago(Date.now() - state.changedAt)} ago` : "–");
    write(durable.value, state.durable || "–");
    drawOracle(oracle, state);
    drawReplay(replay, state);
    drawLinks(links, options, state, feed);
    write(link.value, state.lost ? "unknown" : (state.freshness?.link ?? "–"));
    set(banner, { class: `banner ${verdict.state}`, hidden: verdict.state === "live" ? "" : null });
    write(words, verdict.state === "live" ? "" : sentence(state, verdict));
    write(age, verdict.state === "stale" ? ageWords(state) : "");
    document.title = `${verdict.state === "live" ? headline(state) : WORDS[verdict.state]} · ${title}`;
  };
}

// A click changes the page inside this tab, and the event stream stays; with a modifier key or
// the middle button a link does what links do.
function drawLinks(links, options, { selected }, feed) {
  const pages = options.content ?? [];
  const query = selected ? `?portfolio=${encodeURIComponent(selected)}` : "";
  repeat(links, pages.length, () => pageLink(feed)).forEach((element, index) => {
    const { name, title, path, open } = pages[index];
    write(element, title);
    // On a phone the links are wider than the screen.
    if (open && !element.ariaCurrent) element.scrollIntoView({ block: "nearest", inline: "center" });
    set(element, { href: new URL(path + query, document.baseURI), "data-page": name, "aria-current": open ? "page" : null });
  });
}

function pageLink(feed) {
  const element = node("a");
  element.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    feed.openPage(element.dataset.page, feed.portfolio);
  });
  return element;
}

function judged(state) {
  const said = state.freshness;
  if (!state.lost) return { state: said?.state ?? "no_data", reason: said?.reason ?? "Connecting" };
  const reason = "This page gets nothing from the dashboard's server";
  return { state: state.view ? "stale" : "no_data", reason };
}

function sentence(state, verdict) {
  const reason = verdict.reason || "The stream has sent no number yet";
  if (verdict.state !== "stale") return `${WORDS[verdict.state]}: ${reason}.`;
  const since = lastSign(state);
  const when = since ? ` since ${localClock(since)}` : "";
  const market = state.view ? ` Numbers below are those of ${state.view.event_clock} UTC market time.` : "";
  return `STALE${when}: ${reason}.${market}`;
}

function lastSign(state) {
  return state.lost ? state.heardAt : state.aliveAt;
}

function ageWords(state) {
  const since = lastSign(state);
  return since ? ` ${ago(Date.now() - since)}` : "";
}

function drawLatency(latency, state) {
  const { newest = "", median = "", p99 = "" } = state.latency ?? {};
  write(latency.value, newest ? `${newest} (median ${median}, p99 ${p99})` : "–");
  set(latency.element, { title: state.view?.stages.parts || null });
}

function drawOracle(oracle, state) {
  const said = state.lost ? null : state.oracle;
  write(oracle.value, said ? said.text : "–");
  set(oracle.value, { class: said ? `oracle ${said.state}` : "oracle unchecked" });
  set(oracle.element, { title: said?.detail || null });
}

function drawReplay(replay, state) {
  const said = state.lost ? null : state.replay;
  set(replay, { class: said?.is_broken ? "replay broken" : "replay", hidden: said ? null : "" });
  write(replay, said?.text ?? "");
}

function headline(state) {
  return state.view ? `VaR ${state.view.gauge.value_text} ${state.view.portfolio}` : "riskstream";
}
