// What Streamlit loads for every panel: it fetches the panels' module from the dashboard's
// own origin (its address carries a hash of the files) and hands the place over to it.
export default async function ({ parentElement, data, setStateValue, setTriggerValue }) {
  const { mount } = await import(new URL(data.module, document.baseURI).href);
  return mount(parentElement, data, { setStateValue, setTriggerValue });
}
