import { type Athlete, newAthleteSchema } from "@dropit/contract";
import { type FormEvent, useState } from "react";
import { useNavigate, useParams } from "react-router";
import { Alert, ConfirmButton, Field, PageHead, Waiting } from "../components/parts";
import { Sessions } from "../components/sessions";
import { check, errorsOf, type FieldErrors } from "../lib/form";
import { useAthlete, useDelete, useSaveAthlete } from "../lib/queries";

const back = { to: "/athletes", label: "Athletes" };

export function NewAthletePage() {
  return (
    <div className="narrow">
      <PageHead title="New athlete" back={back} />
      <AthleteForm />
    </div>
  );
}

export function AthletePage() {
  const id = useParams().id ?? "";
  const { data: athlete, error } = useAthlete(id);
  if (!athlete) {
    return <Waiting error={error} />;
  }
  return (
    <>
      <PageHead title={`${athlete.firstName} ${athlete.lastName}`} back={back} />
      <div className="columns">
        <AthleteForm key={athlete.id} athlete={athlete} />
        <Sessions athleteId={athlete.id} />
      </div>
    </>
  );
}

function AthleteForm({ athlete }: { athlete?: Athlete }) {
  const navigate = useNavigate();
  const save = useSaveAthlete(athlete?.id);
  const remove = useDelete("athletes", "sessions");
  const [errors, setErrors] = useState<FieldErrors>({});

  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const values = Object.fromEntries(new FormData(event.currentTarget));
    const checked = check(newAthleteSchema, values);
    setErrors(checked.errors);
    if (checked.data) {
      save.mutate(checked.data, {
        onSuccess: () => navigate("/athletes"),
        onError: (error) => setErrors(errorsOf(error)),
      });
    }
  };

  return (
    <form className="card form" onSubmit={submit} noValidate>
      <h2>Person</h2>
      <Alert>{errors[""]}</Alert>
      <div className="pair">
        <Field label="First name" error={errors.firstName}>
          {(attributes) => (
            <input {...attributes} name="firstName" defaultValue={athlete?.firstName} />
          )}
        </Field>
        <Field label="Last name" error={errors.lastName}>
          {(attributes) => (
            <input {...attributes} name="lastName" defaultValue={athlete?.lastName} />
          )}
        </Field>
      </div>
      <Field label="E-mail" error={errors.email}>
        {(attributes) => (
          <input {...attributes} name="email" type="email" defaultValue={athlete?.email} />
        )}
      </Field>
      <Field label="Birth date" error={errors.birthDate}>
        {(attributes) => (
          <input {...attributes} name="birthDate" type="date" defaultValue={athlete?.birthDate} />
        )}
      </Field>
      <div className="form-foot">
        <button type="submit" className="button primary" disabled={save.isPending}>
          {athlete ? "Save" : "Add athlete"}
        </button>
        {athlete && (
          <ConfirmButton
            label="Delete"
            question="With all sessions?"
            busy={remove.isPending}
            onConfirm={() =>
              remove.mutate(`/athletes/${athlete.id}`, {
                onSuccess: () => navigate("/athletes"),
                onError: (error) => setErrors(errorsOf(error)),
              })
            }
          />
        )}
      </div>
    </form>
  );
}
