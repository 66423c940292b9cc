// Confirms an email address. Nothing is confirmed until the user presses the button, because mail scanners open links.

import { post } from "./api.js";
import { byId, fromLink, onSubmit, show, showMessage } from "./card.js";

const NO_TOKEN = {
  title: "Open the link in your email",
  detail: "This page needs the complete link from your email.",
  hint: "If you reloaded the page, open the link again. For your security, the link is not stored in the browser.",
};
const INVALID_LINK = {
  title: "Invalid link",
  detail: "This link does not belong to an email address to confirm. It may be incomplete.",
  hint: "Open the link directly from your email.",
};
// Problems that make this link unusable.
const FINAL = {
  "token-spent": {
    title: "Link no longer valid",
    detail: "It has been used, it was replaced by a newer one, or it has expired.",
    hint: "If you have already confirmed the address, there is nothing left to do. Otherwise, log in and request a new email, or choose a new password, which also confirms the address.",
  },
  "email-taken": {
    title: "Address already in use",
    detail: "Another account has this email address.",
    hint: "Log in to that account, or choose a new password for it.",
  },
};
const CHOOSE_PASSWORD = { label: "Choose a new password", run: () => window.location.assign("reset-password") };

const isChange = Boolean(fromLink("change"));
const token = fromLink("token") ?? fromLink("change");

async function confirm() {
  await post("/auth/email-verification/confirm", { token });
  show("done");
}

async function claim(form) {
  await post("/auth/email-verification/confirm", { token, new_password: form.new_password.value });
  show("claimed");
}

function onProblem({ code, errors = [] }) {
  const isInvalid = code === "not-found" || errors.some((error) => error.pointer === "/token");
  if (isInvalid) showMessage(INVALID_LINK);
  else if (code in FINAL) showMessage(FINAL[code], CHOOSE_PASSWORD);
  else return false;
  return true;
}

onSubmit(byId("confirmation"), { progress: "Confirming…", send: confirm, onProblem });
onSubmit(byId("claiming"), { progress: "Confirming…", send: claim, onProblem });
for (const button of document.querySelectorAll("[data-show]")) {
  button.addEventListener("click", () => show(button.dataset.show));
}
byId("not-registered").hidden = isChange;

if (token) show("confirm");
else showMessage(NO_TOKEN);
