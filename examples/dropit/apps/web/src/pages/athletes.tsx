import type { Athlete } from "@dropit/contract";
import { useState } from "react";
import { Link } from "react-router";
import { PageHead, SearchBox, Waiting } from "../components/parts";
import { age, count, today } from "../lib/format";
import { useAthletes } from "../lib/queries";

export function AthletesPage() {
  const [search, setSearch] = useState("");
  const { data, error } = useAthletes(search);
  return (
    <>
      <PageHead title="Athletes" hint={data && count(data.total, "athlete")}>
        <SearchBox label="Search name or e-mail" value={search} onChange={setSearch} />
        <Link className="button primary" to="/athletes/new">
          New athlete
        </Link>
      </PageHead>
      {!data ? (
        <Waiting error={error} />
      ) : data.items.length === 0 ? (
        <p className="empty">
          {search ? `Nobody matches “${search}”.` : "No athletes yet. Add the first one."}
        </p>
      ) : (
        <ul className="rows card">
          {data.items.map((athlete) => (
            <Row key={athlete.id} athlete={athlete} />
          ))}
        </ul>
      )}
    </>
  );
}

function Row({ athlete }: { athlete: Athlete }) {
  return (
    <li>
      <Link to={`/athletes/${athlete.id}`} className="row">
        <span className="avatar" aria-hidden="true">
          {athlete.firstName.slice(0, 1)}
          {athlete.lastName.slice(0, 1)}
        </span>
        <span className="row-main">
          <b>
            {athlete.firstName} {athlete.lastName}
          </b>
          <small>{athlete.email}</small>
        </span>
        <span className="row-side">{age(athlete.birthDate, today())} years</span>
        <span className="chevron" aria-hidden="true">
          ›
        </span>
      </Link>
    </li>
  );
}
