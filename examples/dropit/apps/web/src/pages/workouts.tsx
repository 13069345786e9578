import type { Workout } from "@dropit/contract";
import { useState } from "react";
import { Link } from "react-router";
import { Bar } from "../components/bar";
import { PageHead, SearchBox, Waiting } from "../components/parts";
import { count, kilograms, volumeKg } from "../lib/format";
import { useWorkouts } from "../lib/queries";

export function WorkoutsPage() {
  const [search, setSearch] = useState("");
  const { data, error } = useWorkouts(search);
  return (
    <>
      <PageHead title="Workouts" hint={data && count(data.total, "workout")}>
        <SearchBox label="Search title or notes" value={search} onChange={setSearch} />
        <Link className="button primary" to="/workouts/new">
          New workout
        </Link>
      </PageHead>
      {!data ? (
        <Waiting error={error} />
      ) : data.items.length === 0 ? (
        <p className="empty">
          {search ? `No workout matches “${search}”.` : "No workouts yet. Write the first one."}
        </p>
      ) : (
        <ul className="cards">
          {data.items.map((workout) => (
            <Card key={workout.id} workout={workout} />
          ))}
        </ul>
      )}
    </>
  );
}

function Card({ workout }: { workout: Workout }) {
  return (
    <li className="card workout">
      <h2>
        <Link to={`/workouts/${workout.id}`}>{workout.title}</Link>
      </h2>
      <p className="hint">
        {count(workout.entries.length, "exercise")} · {kilograms(volumeKg(workout.entries))} in all
      </p>
      <ol>
        {workout.entries.map((entry) => (
          <li key={entry.id}>
            <span className={`mark ${entry.exercise.category}`} aria-hidden="true" />
            <span className="entry-name">{entry.exercise.name}</span>
            <span className="scheme">
              {entry.sets} × {entry.reps}
            </span>
            <Bar weightKg={entry.weightKg} />
          </li>
        ))}
      </ol>
      {workout.notes && <p className="notes">{workout.notes}</p>}
    </li>
  );
}
