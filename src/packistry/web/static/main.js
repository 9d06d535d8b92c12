// Every page works without this. Each module adds one comfort, where a page asks for it.
import { asking } from "./asking.js";
import { copying } from "./copy.js";
import { focusing } from "./focus.js";
import { live } from "./live.js";
import { picking } from "./pick.js";
import { revealing } from "./reveal.js";
import { toasts } from "./toast.js";
import { typing } from "./typing.js";

export function enhance(root) {
  asking(root);
  copying(root);
  live(root);
  picking(root);
  revealing(root);
  typing(root, enhance);
}

enhance(document);
focusing(document);
toasts(document);
