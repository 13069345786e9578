import type { ExerciseCategory } from "@dropit/contract";

/** Invented people; `example.org` is reserved and receives no mail. */
export const athletes = [
  {
    firstName: "Ada",
    lastName: "Nilsen",
    email: "ada.nilsen@example.org",
    birthDate: "1998-04-12",
  },
  {
    firstName: "Bruno",
    lastName: "Marchetti",
    email: "bruno.marchetti@example.org",
    birthDate: "2001-11-03",
  },
  {
    firstName: "Chloé",
    lastName: "Lefèvre",
    email: "chloe.lefevre@example.org",
    birthDate: "1995-07-29",
  },
  {
    firstName: "Dragan",
    lastName: "Kovač",
    email: "dragan.kovac@example.org",
    birthDate: "1989-01-17",
  },
  {
    firstName: "Elif",
    lastName: "Aydın",
    email: "elif.aydin@example.org",
    birthDate: "2004-09-08",
  },
  {
    firstName: "Finn",
    lastName: "O’Dowd",
    email: "finn.odowd@example.org",
    birthDate: "1992-12-21",
  },
];

export const exercises: { name: string; category: ExerciseCategory; description: string }[] = [
  {
    name: "Snatch",
    category: "snatch",
    description: "From the floor to overhead in one movement.",
  },
  { name: "Power snatch", category: "snatch", description: "Received above a parallel squat." },
  { name: "Hang snatch", category: "snatch", description: "Started above the knee." },
  {
    name: "Clean and jerk",
    category: "clean_and_jerk",
    description: "From the floor to the shoulders, then overhead.",
  },
  {
    name: "Power clean",
    category: "clean_and_jerk",
    description: "Received above a parallel squat.",
  },
  {
    name: "Split jerk",
    category: "clean_and_jerk",
    description: "From the rack, with the feet split.",
  },
  { name: "Back squat", category: "squat", description: "" },
  { name: "Front squat", category: "squat", description: "" },
  { name: "Overhead squat", category: "squat", description: "With the grip of the snatch." },
  { name: "Snatch pull", category: "pull", description: "" },
  { name: "Clean pull", category: "pull", description: "" },
  { name: "Romanian deadlift", category: "pull", description: "" },
  { name: "Push press", category: "press", description: "" },
  { name: "Strict press", category: "press", description: "" },
  { name: "Plank", category: "accessory", description: "One repetition is ten seconds." },
  { name: "Back extension", category: "accessory", description: "" },
];

export const workouts = [
  {
    title: "Snatch technique",
    notes: "Light and fast. Stop a set when the bar slows down.",
    entries: [
      { exercise: "Hang snatch", sets: 4, reps: 3, weightKg: 40, restSeconds: 90 },
      { exercise: "Snatch", sets: 6, reps: 2, weightKg: 52.5, restSeconds: 120 },
      { exercise: "Overhead squat", sets: 3, reps: 5, weightKg: 50, restSeconds: 120 },
      { exercise: "Plank", sets: 3, reps: 6, weightKg: null, restSeconds: 60 },
    ],
  },
  {
    title: "Heavy clean and jerk",
    notes: "",
    entries: [
      { exercise: "Clean and jerk", sets: 8, reps: 1, weightKg: 85, restSeconds: 180 },
      { exercise: "Clean pull", sets: 4, reps: 3, weightKg: 95, restSeconds: 150 },
      { exercise: "Front squat", sets: 5, reps: 3, weightKg: 90, restSeconds: 180 },
    ],
  },
  {
    title: "Strength base",
    notes: "Add 2.5 kg a week while all repetitions are clean.",
    entries: [
      { exercise: "Back squat", sets: 5, reps: 5, weightKg: 100, restSeconds: 180 },
      { exercise: "Push press", sets: 5, reps: 3, weightKg: 55, restSeconds: 120 },
      { exercise: "Romanian deadlift", sets: 4, reps: 8, weightKg: 80, restSeconds: 120 },
      { exercise: "Back extension", sets: 3, reps: 12, weightKg: null, restSeconds: 60 },
    ],
  },
];
