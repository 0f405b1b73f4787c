// The bar that says what is shown may be old, and since when, or that nobody is signed in any more.
import { by } from "./page.js";
import { utcTime } from "./time.js";

export const wordLost = (moment) => {
  const words = `Live updates stopped ${utcTime(moment)} UTC. What you see may be old.`;
  if (by("live-lost-words").textContent !== words) by("live-lost-words").textContent = words;
};
export const wordSignedOut = () => {
  by("live-lost-words").textContent = "You are signed out. What you see may be old.";
  by("live-retry").textContent = "Sign in again";
};
export const showLost = (isLost) => { by("live-lost").hidden = !isLost; };
