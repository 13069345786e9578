import { useHealth } from "../lib/queries";

/** One line about the API, at the foot of every page. */
export function Status() {
  const { data, isError, isPending } = useHealth();
  if (isPending) {
    return <p className="status">Connecting…</p>;
  }
  if (isError) {
    return (
      <p className="status">
        <span className="dot bad" /> The API is not available
      </p>
    );
  }
  return (
    <p className="status">
      <span className="dot good" /> API {data.version}
      {data.cache !== "off" && `, cache ${data.cache}`}
    </p>
  );
}
