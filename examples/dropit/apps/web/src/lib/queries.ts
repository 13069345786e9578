import type {
  Athlete,
  Exercise,
  Health,
  NewAthlete,
  NewTrainingSession,
  NewWorkout,
  Page,
  TrainingSession,
  TrainingSessionChanges,
  Workout,
} from "@dropit/contract";
import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { request } from "./api";

/** The most that the API returns at once. */
const LIMIT = 200;

const list = (search: string) => `?${new URLSearchParams({ limit: String(LIMIT), search })}`;

export const useAthletes = (search: string) =>
  useQuery({
    queryKey: ["athletes", { search }],
    queryFn: () => request<Page<Athlete>>("GET", `/athletes${list(search)}`),
    placeholderData: keepPreviousData,
  });

export const useAthlete = (id: string) =>
  useQuery({
    queryKey: ["athletes", id],
    queryFn: () => request<Athlete>("GET", `/athletes/${id}`),
  });

export const useWorkouts = (search: string) =>
  useQuery({
    queryKey: ["workouts", { search }],
    queryFn: () => request<Page<Workout>>("GET", `/workouts${list(search)}`),
    placeholderData: keepPreviousData,
  });

export const useWorkout = (id: string) =>
  useQuery({
    queryKey: ["workouts", id],
    queryFn: () => request<Workout>("GET", `/workouts/${id}`),
  });

export const useExercises = () =>
  useQuery({
    queryKey: ["exercises"],
    queryFn: () => request<Page<Exercise>>("GET", "/exercises"),
  });

export const useSessions = (athleteId: string) =>
  useQuery({
    queryKey: ["sessions", athleteId],
    queryFn: () =>
      request<Page<TrainingSession>>(
        "GET",
        `/training-sessions?${new URLSearchParams({ athleteId, limit: String(LIMIT) })}`,
      ),
  });

export const useHealth = () =>
  useQuery({
    queryKey: ["health"],
    queryFn: () => request<Health>("GET", "/health"),
    refetchInterval: 30_000,
    retry: false,
  });

/** A change at the API, after which everything of the given kinds is read again. */
function useChange<Input, Output>(kinds: string[], send: (input: Input) => Promise<Output>) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: send,
    onSuccess: () =>
      Promise.all(kinds.map((kind) => client.invalidateQueries({ queryKey: [kind] }))),
  });
}

/** Creates, or changes when there is an id. */
const save = <Values, Saved>(path: string, id: string | undefined, values: Values) =>
  id ? request<Saved>("PATCH", `${path}/${id}`, values) : request<Saved>("POST", path, values);

export const useSaveAthlete = (id?: string) =>
  useChange(["athletes", "sessions"], (values: NewAthlete) =>
    save<NewAthlete, Athlete>("/athletes", id, values),
  );

export const useSaveWorkout = (id?: string) =>
  useChange(["workouts", "sessions"], (values: NewWorkout) =>
    save<NewWorkout, Workout>("/workouts", id, values),
  );

export const usePlanSession = () =>
  useChange(["sessions"], (values: NewTrainingSession) =>
    request<TrainingSession>("POST", "/training-sessions", values),
  );

export const useChangeSession = () =>
  useChange(["sessions"], ({ id, ...changes }: TrainingSessionChanges & { id: string }) =>
    request<TrainingSession>("PATCH", `/training-sessions/${id}`, changes),
  );

/** Deletes the resource at a path, such as `/athletes/ID`, and forgets what was read of it. */
export function useDelete(...kinds: string[]) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (path: string) => request<void>("DELETE", path),
    onSuccess: (_, path) => {
      const id = path.split("/").at(-1);
      // Its own page is still open for a moment: reading it again would only give a 404.
      return client.invalidateQueries({
        predicate: ({ queryKey: [kind, key] }) => kinds.includes(String(kind)) && key !== id,
      });
    },
  });
}
