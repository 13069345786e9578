/** Bumper plates in kilograms, in the colours that the sport's rules give them. */
const PLATES = [25, 20, 15, 10, 5, 2.5, 2, 1.5, 1, 0.5] as const;
const BAR_KG = 20;

export type Plate = (typeof PLATES)[number];

/**
 * Plates on each side of a 20 kg bar, from the inside out.
 *
 * The heaviest that fit come first; what no pair of plates makes is left out.
 */
export function platesPerSide(weightKg: number): Plate[] {
  const plates: Plate[] = [];
  let rest = (weightKg - BAR_KG) / 2;
  for (const plate of PLATES) {
    while (rest >= plate) {
      plates.push(plate);
      rest -= plate;
    }
  }
  return plates;
}
