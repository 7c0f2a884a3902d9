// How a picture is looked at: as large as its place, or at a scale, around a point. Pure functions.

export interface Size {
  width: number;
  height: number;
}
export interface Point {
  x: number;
  y: number;
}
/** All of it; or `scale` screen pixels for each of the picture's, around the picture's pixel `at`. */
export type Lens = 'fit' | { scale: number; at: Point };

export const MOST_SCALE = 32;

/** The scale at which all of the picture is seen. */
export function fitScale(picture: Size, place: Size): number {
  const scale = Math.min(place.width / picture.width, place.height / picture.height);
  return Number.isFinite(scale) && scale > 0 ? scale : 1;
}

function held(at: number, picture: number, seen: number): number {
  return seen >= picture ? picture / 2 : Math.max(seen / 2, Math.min(picture - seen / 2, at));
}

/** The lens with the picture kept in its place. */
export function kept(lens: Lens, picture: Size, place: Size): Lens {
  if (lens === 'fit') return lens;
  const { scale, at } = lens;
  return {
    scale,
    at: { x: held(at.x, picture.width, place.width / scale), y: held(at.y, picture.height, place.height / scale) },
  };
}

export function scaleOf(lens: Lens, picture: Size, place: Size): number {
  return lens === 'fit' ? fitScale(picture, place) : lens.scale;
}

export function centreOf(lens: Lens, picture: Size): Point {
  return lens === 'fit' ? { x: picture.width / 2, y: picture.height / 2 } : lens.at;
}

/** The picture's pixel under a point of the place. */
export function under(lens: Lens, picture: Size, place: Size, point: Point): Point {
  const scale = scaleOf(lens, picture, place);
  const at = centreOf(lens, picture);
  return { x: at.x + (point.x - place.width / 2) / scale, y: at.y + (point.y - place.height / 2) / scale };
}

/** Zooms to a scale, what is under the point staying under it: no smaller than all of it, or than 1:1 if that is less. */
export function zoomed(lens: Lens, picture: Size, place: Size, scale: number, point: Point): Lens {
  const fit = fitScale(picture, place);
  const next = Math.max(Math.min(fit, 1), Math.min(scale, MOST_SCALE));
  if (Math.abs(next / fit - 1) < 0.001) return 'fit';
  const fixed = under(lens, picture, place, point);
  const at = { x: fixed.x - (point.x - place.width / 2) / next, y: fixed.y - (point.y - place.height / 2) / next };
  return kept({ scale: next, at }, picture, place);
}

export function panned(lens: Lens, picture: Size, place: Size, by: Point): Lens {
  if (lens === 'fit') return lens;
  const at = { x: lens.at.x - by.x / lens.scale, y: lens.at.y - by.y / lens.scale };
  return kept({ scale: lens.scale, at }, picture, place);
}

/** Where the picture's left upper corner is in its place. */
export function corner(lens: Lens, picture: Size, place: Size): Point {
  const scale = scaleOf(lens, picture, place);
  const at = centreOf(lens, picture);
  return { x: place.width / 2 - at.x * scale, y: place.height / 2 - at.y * scale };
}
