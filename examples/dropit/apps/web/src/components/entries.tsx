import { type Exercise, exerciseCategories } from "@dropit/contract";
import { type DraftEntry, movedUp } from "../lib/draft";
import { type FieldErrors, numberOrNull } from "../lib/form";
import { categoryNames } from "../lib/format";
import { Bar } from "./bar";
import { Field } from "./parts";

const columns = [
  { name: "sets", label: "Sets" },
  { name: "reps", label: "Reps" },
  { name: "weightKg", label: "Load, kg" },
  { name: "restSeconds", label: "Rest, s" },
] as const;

interface Props {
  entries: DraftEntry[];
  exercises: Exercise[];
  errors: FieldErrors;
  onChange: (entries: DraftEntry[]) => void;
}

/** The lines of a workout, to be changed, moved, removed and added. */
export function Entries({ entries, exercises, errors, onChange }: Props) {
  // The one that the select shows first.
  const first =
    exercises.find(({ category }) => category === exerciseCategories[0]) ?? exercises[0];
  const add = () =>
    onChange([
      ...entries,
      {
        key: crypto.getRandomValues(new Uint32Array(2)).join("-"),
        exerciseId: entries.at(-1)?.exerciseId ?? first?.id ?? "",
        sets: "3",
        reps: "5",
        weightKg: "",
        restSeconds: "120",
      },
    ]);

  return (
    <fieldset className="entries">
      <legend>Exercises</legend>
      <ol>
        {entries.map((entry, index) => (
          <li key={entry.key} className="entry">
            <span className="number">{index + 1}</span>
            <ExerciseSelect
              exercises={exercises}
              value={entry.exerciseId}
              error={errors[`entries.${index}.exerciseId`]}
              onChange={(exerciseId) => onChange(entries.with(index, { ...entry, exerciseId }))}
            />
            {columns.map(({ name, label }) => (
              <Field key={name} label={label} error={errors[`entries.${index}.${name}`]}>
                {(attributes) => (
                  <input
                    {...attributes}
                    inputMode="decimal"
                    value={entry[name]}
                    onChange={(event) =>
                      onChange(entries.with(index, { ...entry, [name]: event.target.value }))
                    }
                  />
                )}
              </Field>
            ))}
            <span className="entry-bar">
              <Bar weightKg={shownWeight(entry.weightKg)} />
            </span>
            <span className="entry-tools">
              <button
                type="button"
                className="icon"
                aria-label={`Move line ${index + 1} up`}
                disabled={index === 0}
                onClick={() => onChange(movedUp(entries, index))}
              >
                ↑
              </button>
              <button
                type="button"
                className="icon"
                aria-label={`Remove line ${index + 1}`}
                onClick={() => onChange(entries.toSpliced(index, 1))}
              >
                ×
              </button>
            </span>
          </li>
        ))}
      </ol>
      <button type="button" className="button" onClick={add}>
        Add exercise
      </button>
    </fieldset>
  );
}

function ExerciseSelect(props: {
  exercises: Exercise[];
  value: string;
  error: string | undefined;
  onChange: (id: string) => void;
}) {
  return (
    <Field label="Exercise" error={props.error}>
      {(attributes) => (
        <select
          {...attributes}
          value={props.value}
          onChange={(event) => props.onChange(event.target.value)}
        >
          {exerciseCategories.map((category) => (
            <optgroup key={category} label={categoryNames[category]}>
              {props.exercises
                .filter((exercise) => exercise.category === category)
                .map((exercise) => (
                  <option key={exercise.id} value={exercise.id}>
                    {exercise.name}
                  </option>
                ))}
            </optgroup>
          ))}
        </select>
      )}
    </Field>
  );
}

function shownWeight(text: string): number | null {
  const weight = numberOrNull(text);
  return weight !== null && weight >= 0 && weight <= 500 ? weight : null;
}
