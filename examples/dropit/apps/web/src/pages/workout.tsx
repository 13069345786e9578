import { newWorkoutSchema } from "@dropit/contract";
import { type FormEvent, useState } from "react";
import { useNavigate, useParams } from "react-router";
import { Entries } from "../components/entries";
import { Alert, ConfirmButton, Field, PageHead, Waiting } from "../components/parts";
import { type Draft, fromDraft, toDraft } from "../lib/draft";
import { check, errorsOf, type FieldErrors } from "../lib/form";
import { useDelete, useExercises, useSaveWorkout, useWorkout } from "../lib/queries";

const back = { to: "/workouts", label: "Workouts" };

export function NewWorkoutPage() {
  return (
    <>
      <PageHead title="New workout" back={back} />
      <WorkoutForm start={{ title: "", notes: "", entries: [] }} />
    </>
  );
}

export function WorkoutPage() {
  const id = useParams().id ?? "";
  const { data: workout, error } = useWorkout(id);
  if (!workout) {
    return <Waiting error={error} />;
  }
  return (
    <>
      <PageHead title={workout.title} back={back} />
      <WorkoutForm key={workout.id} id={workout.id} start={toDraft(workout)} />
    </>
  );
}

function WorkoutForm({ id, start }: { id?: string; start: Draft }) {
  const navigate = useNavigate();
  const exercises = useExercises();
  const save = useSaveWorkout(id);
  const remove = useDelete("workouts");
  const [draft, setDraft] = useState(start);
  const [errors, setErrors] = useState<FieldErrors>({});

  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const checked = check(newWorkoutSchema, fromDraft(draft));
    setErrors(checked.errors);
    if (checked.data) {
      save.mutate(checked.data, {
        onSuccess: () => navigate("/workouts"),
        onError: (error) => setErrors(errorsOf(error)),
      });
    }
  };

  return (
    <form className="card form" onSubmit={submit} noValidate>
      <Alert>{errors[""]}</Alert>
      <Field label="Title" error={errors.title}>
        {(attributes) => (
          <input
            {...attributes}
            value={draft.title}
            onChange={(event) => setDraft({ ...draft, title: event.target.value })}
          />
        )}
      </Field>
      <Field label="Notes" error={errors.notes}>
        {(attributes) => (
          <textarea
            {...attributes}
            rows={2}
            value={draft.notes}
            onChange={(event) => setDraft({ ...draft, notes: event.target.value })}
          />
        )}
      </Field>
      {exercises.data ? (
        <Entries
          entries={draft.entries}
          exercises={exercises.data.items}
          errors={errors}
          onChange={(entries) => setDraft({ ...draft, entries })}
        />
      ) : (
        <Waiting error={exercises.error} />
      )}
      <div className="form-foot">
        <button type="submit" className="button primary" disabled={save.isPending}>
          {id ? "Save" : "Add workout"}
        </button>
        {id && (
          <ConfirmButton
            label="Delete"
            question="For good?"
            busy={remove.isPending}
            onConfirm={() =>
              remove.mutate(`/workouts/${id}`, {
                onSuccess: () => navigate("/workouts"),
                onError: (error) => setErrors(errorsOf(error)),
              })
            }
          />
        )}
      </div>
    </form>
  );
}
