import type { ExerciseCategory, SessionStatus, Workout } from "@dropit/contract";

export const categoryNames: Record<ExerciseCategory, string> = {
  snatch: "Snatch",
  clean_and_jerk: "Clean and jerk",
  squat: "Squat",
  pull: "Pull",
  press: "Press",
  accessory: "Accessory",
};

export const statusNames: Record<SessionStatus, string> = {
  planned: "Planned",
  done: "Done",
  skipped: "Skipped",
};

/** Completed years between two dates `YYYY-MM-DD`. */
export function age(birthDate: string, today: string): number {
  const years = Number(today.slice(0, 4)) - Number(birthDate.slice(0, 4));
  return today.slice(5) < birthDate.slice(5) ? years - 1 : years;
}

/** Today in the user's time zone, `YYYY-MM-DD`. */
export function today(): string {
  const now = new Date();
  return new Date(now.getTime() - now.getTimezoneOffset() * 60_000).toISOString().slice(0, 10);
}

/** A date without a time zone, as people write it. */
export function day(date: string): string {
  return new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeZone: "UTC" }).format(
    new Date(`${date}T00:00:00Z`),
  );
}

export function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}

/** Kilograms lifted in a whole workout: sets, repetitions and load multiplied and summed up. */
export function volumeKg(entries: Workout["entries"]): number {
  return entries.reduce((sum, entry) => sum + entry.sets * entry.reps * (entry.weightKg ?? 0), 0);
}

export function kilograms(number: number): string {
  return `${new Intl.NumberFormat("en-GB", { maximumFractionDigits: 2 }).format(number)} kg`;
}
