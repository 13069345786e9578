import {
  newTrainingSessionSchema,
  type SessionStatus,
  sessionStatuses,
  type TrainingSession,
} from "@dropit/contract";
import { type FormEvent, useState } from "react";
import { Link } from "react-router";
import { check, errorsOf, type FieldErrors } from "../lib/form";
import { day, statusNames, today } from "../lib/format";
import {
  useChangeSession,
  useDelete,
  usePlanSession,
  useSessions,
  useWorkouts,
} from "../lib/queries";
import { Alert, Field, Waiting } from "./parts";

/** The training sessions of one athlete: planned, done, and a form for the next. */
export function Sessions({ athleteId }: { athleteId: string }) {
  const { data, error } = useSessions(athleteId);
  return (
    <section className="card form" aria-labelledby="sessions">
      <h2 id="sessions">Training sessions</h2>
      <PlanForm athleteId={athleteId} />
      {!data ? (
        <Waiting error={error} />
      ) : data.items.length === 0 ? (
        <p className="hint">None yet.</p>
      ) : (
        <ul className="sessions">
          {data.items.map((session) => (
            <Session key={session.id} session={session} />
          ))}
        </ul>
      )}
    </section>
  );
}

function Session({ session }: { session: TrainingSession }) {
  const change = useChangeSession();
  const remove = useDelete("sessions");
  const error = change.error ?? remove.error;
  return (
    <li className="session">
      <span className="row-main">
        <Link to={`/workouts/${session.workout.id}`}>{session.workout.title}</Link>
        <small>{day(session.scheduledOn)}</small>
      </span>
      <select
        className={`status-select ${session.status}`}
        aria-label={`Status of ${session.workout.title} on ${day(session.scheduledOn)}`}
        value={session.status}
        onChange={(event) =>
          change.mutate({ id: session.id, status: event.target.value as SessionStatus })
        }
      >
        {sessionStatuses.map((status) => (
          <option key={status} value={status}>
            {statusNames[status]}
          </option>
        ))}
      </select>
      <button
        type="button"
        className="icon"
        aria-label={`Remove ${session.workout.title} on ${day(session.scheduledOn)}`}
        onClick={() => remove.mutate(`/training-sessions/${session.id}`)}
      >
        ×
      </button>
      {error && <Alert>{error.message}</Alert>}
    </li>
  );
}

function PlanForm({ athleteId }: { athleteId: string }) {
  const { data: workouts } = useWorkouts("");
  const plan = usePlanSession();
  const [errors, setErrors] = useState<FieldErrors>({});

  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const values = Object.fromEntries(new FormData(event.currentTarget));
    const checked = check(newTrainingSessionSchema, { ...values, athleteId });
    setErrors(checked.errors);
    if (checked.data) {
      plan.mutate(checked.data, { onError: (error) => setErrors(errorsOf(error)) });
    }
  };

  return (
    <form className="plan" onSubmit={submit} noValidate>
      <Field label="Workout" error={errors.workoutId}>
        {(attributes) => (
          <select {...attributes} name="workoutId">
            {workouts?.items.map((workout) => (
              <option key={workout.id} value={workout.id}>
                {workout.title}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Field label="Day" error={errors.scheduledOn}>
        {(attributes) => (
          <input {...attributes} name="scheduledOn" type="date" defaultValue={today()} />
        )}
      </Field>
      <button type="submit" className="button" disabled={plan.isPending}>
        Plan
      </button>
      <Alert>{errors[""]}</Alert>
    </form>
  );
}
