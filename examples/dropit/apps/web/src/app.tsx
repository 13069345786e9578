import { Link, Navigate, NavLink, Route, Routes } from "react-router";
import { Status } from "./components/status";
import { AthletePage, NewAthletePage } from "./pages/athlete";
import { AthletesPage } from "./pages/athletes";
import { NewWorkoutPage, WorkoutPage } from "./pages/workout";
import { WorkoutsPage } from "./pages/workouts";

export function App() {
  return (
    <>
      <header className="top">
        <div className="top-inner">
          <Link to="/" className="brand">
            <img src="/icon.svg" alt="" width="30" height="30" />
            DropIt
          </Link>
          <nav aria-label="Main">
            <NavLink to="/athletes">Athletes</NavLink>
            <NavLink to="/workouts">Workouts</NavLink>
          </nav>
        </div>
      </header>
      <main>
        <Routes>
          <Route path="/" element={<Navigate to="/athletes" replace />} />
          <Route path="/athletes" element={<AthletesPage />} />
          <Route path="/athletes/new" element={<NewAthletePage />} />
          <Route path="/athletes/:id" element={<AthletePage />} />
          <Route path="/workouts" element={<WorkoutsPage />} />
          <Route path="/workouts/new" element={<NewWorkoutPage />} />
          <Route path="/workouts/:id" element={<WorkoutPage />} />
          <Route path="*" element={<NotFound />} />
        </Routes>
      </main>
      <footer>
        <Status />
      </footer>
    </>
  );
}

function NotFound() {
  return (
    <div className="empty">
      <h1>Nothing here</h1>
      <p>This page does not exist, or not any more.</p>
      <Link className="button" to="/athletes">
        To the athletes
      </Link>
    </div>
  );
}
