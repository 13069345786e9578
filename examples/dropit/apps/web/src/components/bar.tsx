import { kilograms } from "../lib/format";
import { platesPerSide } from "../lib/plates";

/** The load as one sees it on the platform: half a bar with its plates. */
export function Bar(props: { weightKg: number | null }) {
  if (props.weightKg === null) {
    return <span className="load none">no load</span>;
  }
  const plates = platesPerSide(props.weightKg);
  return (
    <span className="load">
      <span className="bar" aria-hidden="true">
        {plates.map((plate, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: plates have no identity but their place.
          <i key={index} className={`plate kg-${String(plate).replace(".", "_")}`} />
        ))}
      </span>
      <b>{kilograms(props.weightKg)}</b>
    </span>
  );
}
