import { type ReactNode, useId, useState } from "react";
import { Link } from "react-router";

/** Title of a page with what can be done there. */
export function PageHead(props: {
  title: string;
  back?: { to: string; label: string };
  hint?: string | undefined;
  children?: ReactNode;
}) {
  return (
    <div className="page-head">
      <div>
        {props.back && (
          <Link to={props.back.to} className="back">
            <span aria-hidden="true">←</span> {props.back.label}
          </Link>
        )}
        <h1>{props.title}</h1>
        {props.hint && <p className="hint">{props.hint}</p>}
      </div>
      {props.children && <div className="actions">{props.children}</div>}
    </div>
  );
}

/** A labelled input with the message about what is wrong with it. */
export function Field(props: {
  label: string;
  error?: string | undefined;
  hideLabel?: boolean;
  children: (attributes: {
    id: string;
    "aria-invalid": boolean;
    "aria-describedby": string;
  }) => ReactNode;
}) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id} className={props.hideLabel ? "only-read" : undefined}>
        {props.label}
      </label>
      {props.children({
        id,
        "aria-invalid": props.error !== undefined,
        "aria-describedby": `${id}-error`,
      })}
      <p id={`${id}-error`} className="field-error" role={props.error ? "alert" : undefined}>
        {props.error}
      </p>
    </div>
  );
}

export function SearchBox(props: {
  value: string;
  onChange: (value: string) => void;
  label: string;
}) {
  return (
    <input
      type="search"
      className="search"
      placeholder="Search"
      aria-label={props.label}
      value={props.value}
      onChange={(event) => props.onChange(event.target.value)}
    />
  );
}

export function Alert(props: { children: ReactNode }) {
  return props.children ? (
    <p className="alert" role="alert">
      {props.children}
    </p>
  ) : null;
}

/** What a page shows instead of data: while it loads, and when it cannot. */
export function Waiting(props: { error: Error | null }) {
  return props.error ? <Alert>{props.error.message}</Alert> : <div className="loading" aria-busy />;
}

/** A button that asks once more before it does what cannot be undone. */
export function ConfirmButton(props: {
  label: string;
  question: string;
  busy: boolean;
  onConfirm: () => void;
}) {
  const [asking, setAsking] = useState(false);
  if (!asking) {
    return (
      <button type="button" className="button quiet" onClick={() => setAsking(true)}>
        {props.label}
      </button>
    );
  }
  return (
    <span className="confirm">
      {props.question}
      <button
        type="button"
        className="button danger"
        disabled={props.busy}
        onClick={props.onConfirm}
      >
        {props.label}
      </button>
      <button type="button" className="button quiet" onClick={() => setAsking(false)}>
        Keep
      </button>
    </span>
  );
}
