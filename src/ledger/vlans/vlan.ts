import { VLAN_BITS } from "../../packet/packet.ts";

/** Of a frame without a tag, or whose tags name none. */
export const NO_VLAN = 0;
/** All that find no room. */
export const OTHER_VLAN = -1;

const INNER = (1 << VLAN_BITS) - 1;

/** As the page names it: `7`, `100.7` if one tag stands in another, and nothing without a tag. */
export function vlanLabel(vlan: number): string {
  if (vlan === OTHER_VLAN) return "other";
  if (vlan === NO_VLAN) return "";
  return vlan > INNER ? `${vlan >>> VLAN_BITS}.${vlan & INNER}` : `${vlan}`;
}
