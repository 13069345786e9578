import type { Workout } from "@dropit/contract";
import { numberOrNull } from "./form";

/** A workout while it is edited: numbers are what was typed, and each line has a key of its own. */
export interface Draft {
  title: string;
  notes: string;
  entries: DraftEntry[];
}

export interface DraftEntry {
  key: string;
  exerciseId: string;
  sets: string;
  reps: string;
  weightKg: string;
  restSeconds: string;
}

export function toDraft(workout: Workout): Draft {
  return {
    title: workout.title,
    notes: workout.notes,
    entries: workout.entries.map((entry) => ({
      key: entry.id,
      exerciseId: entry.exercise.id,
      sets: String(entry.sets),
      reps: String(entry.reps),
      weightKg: entry.weightKg === null ? "" : String(entry.weightKg),
      restSeconds: entry.restSeconds === null ? "" : String(entry.restSeconds),
    })),
  };
}

/** Values to check by the contract and to send. */
export function fromDraft(draft: Draft): unknown {
  return {
    title: draft.title,
    notes: draft.notes,
    entries: draft.entries.map(({ exerciseId, ...entry }) => ({
      exerciseId,
      sets: numberOrNull(entry.sets),
      reps: numberOrNull(entry.reps),
      weightKg: numberOrNull(entry.weightKg),
      restSeconds: numberOrNull(entry.restSeconds),
    })),
  };
}

/** The list with one item a place further up; the first stays where it is. */
export function movedUp<T>(items: readonly T[], index: number): T[] {
  const [before, item] = [items[index - 1], items[index]];
  if (before === undefined || item === undefined) {
    return [...items];
  }
  return items.with(index - 1, item).with(index, before);
}
