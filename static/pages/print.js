// On paper nothing can be pressed: every fold is open while it is printed, and links say their whole address.
const opened = new Set();

addEventListener("beforeprint", () => {
  for (const fold of document.querySelectorAll("main details:not([open])")) {
    fold.open = true;
    opened.add(fold);
  }
  for (const link of document.querySelectorAll("main a[href]")) link.dataset.url = link.href;
});

addEventListener("afterprint", () => {
  for (const fold of opened) fold.open = false;
  opened.clear();
});

// Offers to print where there is somebody to press it.
const button = document.getElementById("print");
if (button) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}
