// Follows a test approval every two seconds while it is under way: no bell rings when a card arrives.
import { all } from "../live/page.js";
import { refreshSoon } from "../live/line.js";

const EVERY = 2000;
const under = () => all("[data-region='steps']:not([data-over])").length > 0;
const follow = setInterval(() => {
  if (!under()) clearInterval(follow);
  else if (!document.hidden) refreshSoon();
}, EVERY);
