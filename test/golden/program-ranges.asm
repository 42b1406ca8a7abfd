      ; r6 = context
      (bf) r6 = r1
      ; does the packet stand for several, merged or yet to be cut?
      (61) r1 = *(u32 *)(r6 +176)
      (55) if r1 != 0x0 goto aggregated
link:
      ; r7 = length of the packet, r8 = offset of what is next
      (61) r7 = *(u32 *)(r6 +0)
      (b7) r8 = 14
      ; IPv4 that was received: its header alone is read
      (61) r1 = *(u32 *)(r6 +4)
      (15) if r1 == 0x4 goto both_headers
      (61) r1 = *(u32 *)(r6 +16)
      (55) if r1 != 0x8 goto both_headers
      (bf) r2 = r8
      (bf) r1 = r6
      (bf) r3 = r10
      (07) r3 += -36
      (b7) r4 = 20
      (85) call bpf_skb_load_bytes#26
      (55) if r0 != 0x0 goto both_headers
      ; a length that is an EtherType: a tag may stand before it
      (71) r1 = *(u8 *)(r10 -34)
      (35) if r1 >= 0x6 goto both_headers
ipv4_is_next:
ipv4_loaded:
      ; version 4 and a header of 5 to 15 words
      (71) r1 = *(u8 *)(r10 -36)
      (14) w1 -= 69
      (25) if r1 > 0xa goto malformed
      ; r7 = size in layer 3, r9 = protocol
      (1f) r7 -= r8
      (71) r9 = *(u8 *)(r10 -27)
      ; r6 = column of the protocol
      (18) r1 = map[tables][0]+0
      (0f) r1 += r9
      (71) r6 = *(u8 *)(r1 +0)
      (57) r6 &= 60
count_ipv4:
      ; r9 = this CPU's lane
      (85) call bpf_get_smp_processor_id#8
      (57) r0 &= 3
      (63) *(u32 *)(r10 -4) = r0
      (18) r1 = map[counters]
      (bf) r2 = r10
      (07) r2 += -4
      (85) call bpf_map_lookup_elem#1
      (15) if r0 == 0x0 goto ignored
      (bf) r9 = r0
size_single:
      (bf) r1 = r7
      ; r8 = bucket of the size in r1
      (07) r1 += 63
      (77) r1 >>= 6
      (57) r1 &= 16383
      (18) r2 = map[tables][0]+768
      (0f) r2 += r1
      (71) r8 = *(u8 *)(r2 +0)
      (57) r8 &= 56
sized:
      ; count in slot 0, which has all frames
      (bf) r0 = r9
      ; r7 bytes, and a packet in bucket r8
      (79) r1 = *(u64 *)(r0 +56)
      (0f) r1 += r7
      (7b) *(u64 *)(r0 +56) = r1
      (0f) r0 += r8
      (79) r1 = *(u64 *)(r0 +0)
      (07) r1 += 1
      (7b) *(u64 *)(r0 +0) = r1
      ; r6 = first slot of the column
      (27) r6 *= 64
      ; the source, at -24: its range, by a tree of compares
      (61) r2 = *(u32 *)(r10 -24)
      (bf) r1 = r2
      (dc) r1 = be32 r1
      (a6) if w1 < 0xa010200 goto source_done
      (a6) if w1 < 0xa010300 goto below
      (05) goto source_done
below:
      ; range 0: r2 = place
      (dc) r2 = be32 r2
      (14) w2 -= 167838208
      (04) w2 += 0
      (05) goto source_in_range
source_in_range:
      ; r2 = slot of place r2, computed
      (0f) r2 += r6
      (07) r2 += 50
      ; r0 = counters of slot r2
      (35) if r2 >= 0x75f2 goto source_done
      (67) r2 <<= 6
      (bf) r0 = r9
      (0f) r0 += r2
      ; r7 bytes, and a packet in bucket r8
      (79) r1 = *(u64 *)(r0 +56)
      (0f) r1 += r7
      (7b) *(u64 *)(r0 +56) = r1
      (0f) r0 += r8
      (79) r1 = *(u64 *)(r0 +0)
      (07) r1 += 1
      (7b) *(u64 *)(r0 +0) = r1
source_done:
      ; the destination, at -20: its range, by a tree of compares
      (61) r2 = *(u32 *)(r10 -20)
      (bf) r1 = r2
      (dc) r1 = be32 r1
      (a6) if w1 < 0xa010200 goto destination_done
      (a6) if w1 < 0xa010300 goto below.2
      (05) goto destination_done
below.2:
      ; range 0: r2 = place
      (dc) r2 = be32 r2
      (14) w2 -= 167838208
      (04) w2 += 0
      (05) goto destination_in_range
destination_in_range:
      ; r2 = slot of place r2, computed
      (0f) r2 += r6
      (07) r2 += 3122
      ; r0 = counters of slot r2
      (35) if r2 >= 0x75f2 goto destination_done
      (67) r2 <<= 6
      (bf) r0 = r9
      (0f) r0 += r2
      ; r7 bytes, and a packet in bucket r8
      (79) r1 = *(u64 *)(r0 +56)
      (0f) r1 += r7
      (7b) *(u64 *)(r0 +56) = r1
      (0f) r0 += r8
      (79) r1 = *(u64 *)(r0 +0)
      (07) r1 += 1
      (7b) *(u64 *)(r0 +0) = r1
destination_done:
      (b7) r0 = 0
      (95) exit
aggregated:
      ; an event: aggregated
      (62) *(u32 *)(r10 -4) = 0
      (18) r1 = map[counters]
      (bf) r2 = r10
      (07) r2 += -4
      (85) call bpf_map_lookup_elem#1
      (15) if r0 == 0x0 goto event_counted
      (b7) r1 = 1
      (db) lock *(u64 *)(r0 +80) += r1
event_counted:
      (05) goto link
both_headers:
      ; Ethernet header and IPv4 header
      (b7) r2 = 0
      (bf) r1 = r6
      (bf) r3 = r10
      (07) r3 += -50
      (b7) r4 = 34
      (85) call bpf_skb_load_bytes#26
      (55) if r0 != 0x0 goto short
      (69) r9 = *(u16 *)(r10 -38)
      (55) if r9 != 0x8 goto other_type
      (05) goto ipv4_is_next
short:
      ; too short for IPv4: the Ethernet header alone
      (b7) r2 = 0
      (bf) r1 = r6
      (bf) r3 = r10
      (07) r3 += -50
      (b7) r4 = 14
      (85) call bpf_skb_load_bytes#26
      (55) if r0 != 0x0 goto truncated
      (69) r9 = *(u16 *)(r10 -38)
other_type:
      ; r9 = EtherType
      (dc) r9 = be16 r9
      ; tag 1: VLAN, MPLS or PPPoE; or the network
      (15) if r9 == 0x8100 goto vlan
      (15) if r9 == 0x88a8 goto vlan
      (15) if r9 == 0x9100 goto vlan
      (15) if r9 == 0x9200 goto vlan
      (15) if r9 == 0x8847 goto mpls
      (15) if r9 == 0x8848 goto mpls
      (55) if r9 != 0x8864 goto network
      (07) r8 += 6
      (2d) if r8 > r7 goto truncated
      (05) goto ppp
mpls:
      (bf) r2 = r8
      (07) r8 += 4
      (bf) r1 = r6
      (bf) r3 = r10
      (07) r3 += -112
      (b7) r4 = 4
      (85) call bpf_skb_load_bytes#26
      (55) if r0 != 0x0 goto truncated
      (71) r1 = *(u8 *)(r10 -110)
      (45) if r1 & 0x1 goto labelled
      (05) goto behind_tag
vlan:
      (bf) r2 = r8
      (07) r8 += 4
      (bf) r1 = r6
      (bf) r3 = r10
      (07) r3 += -112
      (b7) r4 = 4
      (85) call bpf_skb_load_bytes#26
      (55) if r0 != 0x0 goto truncated
      (69) r9 = *(u16 *)(r10 -110)
      (dc) r9 = be16 r9
behind_tag:
      ; tag 2: VLAN, MPLS or PPPoE; or the network
      (15) if r9 == 0x8100 goto vlan.2
      (15) if r9 == 0x88a8 goto vlan.2
      (15) if r9 == 0x9100 goto vlan.2
      (15) if r9 == 0x9200 goto vlan.2
      (15) if r9 == 0x8847 goto mpls.2
      (15) if r9 == 0x8848 goto mpls.2
      (55) if r9 != 0x8864 goto network
      (07) r8 += 6
      (2d) if r8 > r7 goto truncated
      (05) goto ppp
mpls.2:
      (bf) r2 = r8
      (07) r8 += 4
      (bf) r1 = r6
      (bf) r3 = r10
      (07) r3 += -112
      (b7) r4 = 4
      (85) call bpf_skb_load_bytes#26
      (55) if r0 != 0x0 goto truncated
      (71) r1 = *(u8 *)(r10 -110)
      (45) if r1 & 0x1 goto labelled
      (05) goto behind_tag.2
vlan.2:
      (bf) r2 = r8
      (07) r8 += 4
      (bf) r1 = r6
      (bf) r3 = r10
      (07) r3 += -112
      (b7) r4 = 4
      (85) call bpf_skb_load_bytes#26
      (55) if r0 != 0x0 goto truncated
      (69) r9 = *(u16 *)(r10 -110)
      (dc) r9 = be16 r9
behind_tag.2:
      ; tag 3: VLAN, MPLS or PPPoE; or the network
      (15) if r9 == 0x8100 goto vlan.3
      (15) if r9 == 0x88a8 goto vlan.3
      (15) if r9 == 0x9100 goto vlan.3
      (15) if r9 == 0x9200 goto vlan.3
      (15) if r9 == 0x8847 goto mpls.3
      (15) if r9 == 0x8848 goto mpls.3
      (55) if r9 != 0x8864 goto network
      (07) r8 += 6
      (2d) if r8 > r7 goto truncated
      (05) goto ppp
mpls.3:
      (bf) r2 = r8
      (07) r8 += 4
      (bf) r1 = r6
      (bf) r3 = r10
      (07) r3 += -112
      (b7) r4 = 4
      (85) call bpf_skb_load_bytes#26
      (55) if r0 != 0x0 goto truncated
      (71) r1 = *(u8 *)(r10 -110)
      (45) if r1 & 0x1 goto labelled
      (05) goto behind_tag.3
vlan.3:
      (bf) r2 = r8
      (07) r8 += 4
      (bf) r1 = r6
      (bf) r3 = r10
      (07) r3 += -112
      (b7) r4 = 4
      (85) call bpf_skb_load_bytes#26
      (55) if r0 != 0x0 goto truncated
      (69) r9 = *(u16 *)(r10 -110)
      (dc) r9 = be16 r9
behind_tag.3:
      ; tag 4: VLAN, MPLS or PPPoE; or the network
      (15) if r9 == 0x8100 goto vlan.4
      (15) if r9 == 0x88a8 goto vlan.4
      (15) if r9 == 0x9100 goto vlan.4
      (15) if r9 == 0x9200 goto vlan.4
      (15) if r9 == 0x8847 goto mpls.4
      (15) if r9 == 0x8848 goto mpls.4
      (55) if r9 != 0x8864 goto network
      (07) r8 += 6
      (2d) if r8 > r7 goto truncated
      (05) goto ppp
mpls.4:
      (bf) r2 = r8
      (07) r8 += 4
      (bf) r1 = r6
      (bf) r3 = r10
      (07) r3 += -112
      (b7) r4 = 4
      (85) call bpf_skb_load_bytes#26
      (55) if r0 != 0x0 goto truncated
      (71) r1 = *(u8 *)(r10 -110)
      (45) if r1 & 0x1 goto labelled
      (05) goto behind_tag.4
vlan.4:
      (bf) r2 = r8
      (07) r8 += 4
      (bf) r1 = r6
      (bf) r3 = r10
      (07) r3 += -112
      (b7) r4 = 4
      (85) call bpf_skb_load_bytes#26
      (55) if r0 != 0x0 goto truncated
      (69) r9 = *(u16 *)(r10 -110)
      (dc) r9 = be16 r9
behind_tag.4:
      ; tag 5: VLAN, MPLS or PPPoE; or the network
      (15) if r9 == 0x8100 goto vlan.5
      (15) if r9 == 0x88a8 goto vlan.5
      (15) if r9 == 0x9100 goto vlan.5
      (15) if r9 == 0x9200 goto vlan.5
      (15) if r9 == 0x8847 goto mpls.5
      (15) if r9 == 0x8848 goto mpls.5
      (55) if r9 != 0x8864 goto network
      (07) r8 += 6
      (2d) if r8 > r7 goto truncated
      (05) goto ppp
mpls.5:
      (bf) r2 = r8
      (07) r8 += 4
      (bf) r1 = r6
      (bf) r3 = r10
      (07) r3 += -112
      (b7) r4 = 4
      (85) call bpf_skb_load_bytes#26
      (55) if r0 != 0x0 goto truncated
      (71) r1 = *(u8 *)(r10 -110)
      (45) if r1 & 0x1 goto labelled
      (05) goto behind_tag.5
vlan.5:
      (bf) r2 = r8
      (07) r8 += 4
      (bf) r1 = r6
      (bf) r3 = r10
      (07) r3 += -112
      (b7) r4 = 4
      (85) call bpf_skb_load_bytes#26
      (55) if r0 != 0x0 goto truncated
      (69) r9 = *(u16 *)(r10 -110)
      (dc) r9 = be16 r9
behind_tag.5:
      ; tag 6: VLAN, MPLS or PPPoE; or the network
      (15) if r9 == 0x8100 goto vlan.6
      (15) if r9 == 0x88a8 goto vlan.6
      (15) if r9 == 0x9100 goto vlan.6
      (15) if r9 == 0x9200 goto vlan.6
      (15) if r9 == 0x8847 goto mpls.6
      (15) if r9 == 0x8848 goto mpls.6
      (55) if r9 != 0x8864 goto network
      (07) r8 += 6
      (2d) if r8 > r7 goto truncated
      (05) goto ppp
mpls.6:
      (bf) r2 = r8
      (07) r8 += 4
      (bf) r1 = r6
      (bf) r3 = r10
      (07) r3 += -112
      (b7) r4 = 4
      (85) call bpf_skb_load_bytes#26
      (55) if r0 != 0x0 goto truncated
      (71) r1 = *(u8 *)(r10 -110)
      (45) if r1 & 0x1 goto labelled
      (05) goto behind_tag.6
vlan.6:
      (bf) r2 = r8
      (07) r8 += 4
      (bf) r1 = r6
      (bf) r3 = r10
      (07) r3 += -112
      (b7) r4 = 4
      (85) call bpf_skb_load_bytes#26
      (55) if r0 != 0x0 goto truncated
      (69) r9 = *(u16 *)(r10 -110)
      (dc) r9 = be16 r9
behind_tag.6:
      ; tag 7: VLAN, MPLS or PPPoE; or the network
      (15) if r9 == 0x8100 goto vlan.7
      (15) if r9 == 0x88a8 goto vlan.7
      (15) if r9 == 0x9100 goto vlan.7
      (15) if r9 == 0x9200 goto vlan.7
      (15) if r9 == 0x8847 goto mpls.7
      (15) if r9 == 0x8848 goto mpls.7
      (55) if r9 != 0x8864 goto network
      (07) r8 += 6
      (2d) if r8 > r7 goto truncated
      (05) goto ppp
mpls.7:
      (bf) r2 = r8
      (07) r8 += 4
      (bf) r1 = r6
      (bf) r3 = r10
      (07) r3 += -112
      (b7) r4 = 4
      (85) call bpf_skb_load_bytes#26
      (55) if r0 != 0x0 goto truncated
      (71) r1 = *(u8 *)(r10 -110)
      (45) if r1 & 0x1 goto labelled
      (05) goto behind_tag.7
vlan.7:
      (bf) r2 = r8
      (07) r8 += 4
      (bf) r1 = r6
      (bf) r3 = r10
      (07) r3 += -112
      (b7) r4 = 4
      (85) call bpf_skb_load_bytes#26
      (55) if r0 != 0x0 goto truncated
      (69) r9 = *(u16 *)(r10 -110)
      (dc) r9 = be16 r9
behind_tag.7:
      ; tag 8: VLAN, MPLS or PPPoE; or the network
      (15) if r9 == 0x8100 goto vlan.8
      (15) if r9 == 0x88a8 goto vlan.8
      (15) if r9 == 0x9100 goto vlan.8
      (15) if r9 == 0x9200 goto vlan.8
      (15) if r9 == 0x8847 goto mpls.8
      (15) if r9 == 0x8848 goto mpls.8
      (55) if r9 != 0x8864 goto network
      (07) r8 += 6
      (2d) if r8 > r7 goto truncated
      (05) goto ppp
mpls.8:
      (bf) r2 = r8
      (07) r8 += 4
      (bf) r1 = r6
      (bf) r3 = r10
      (07) r3 += -112
      (b7) r4 = 4
      (85) call bpf_skb_load_bytes#26
      (55) if r0 != 0x0 goto truncated
      (71) r1 = *(u8 *)(r10 -110)
      (45) if r1 & 0x1 goto labelled
      (05) goto behind_tag.8
vlan.8:
      (bf) r2 = r8
      (07) r8 += 4
      (bf) r1 = r6
      (bf) r3 = r10
      (07) r3 += -112
      (b7) r4 = 4
      (85) call bpf_skb_load_bytes#26
      (55) if r0 != 0x0 goto truncated
      (69) r9 = *(u16 *)(r10 -110)
      (dc) r9 = be16 r9
behind_tag.8:
      ; tag 9: VLAN, MPLS or PPPoE; or the network
      (15) if r9 == 0x8100 goto vlan.9
      (15) if r9 == 0x88a8 goto vlan.9
      (15) if r9 == 0x9100 goto vlan.9
      (15) if r9 == 0x9200 goto vlan.9
      (15) if r9 == 0x8847 goto mpls.9
      (15) if r9 == 0x8848 goto mpls.9
      (55) if r9 != 0x8864 goto network
      (07) r8 += 6
      (2d) if r8 > r7 goto truncated
      (05) goto ppp
mpls.9:
      (bf) r2 = r8
      (07) r8 += 4
      (bf) r1 = r6
      (bf) r3 = r10
      (07) r3 += -112
      (b7) r4 = 4
      (85) call bpf_skb_load_bytes#26
      (55) if r0 != 0x0 goto truncated
      (71) r1 = *(u8 *)(r10 -110)
      (45) if r1 & 0x1 goto labelled
      (05) goto behind_tag.9
vlan.9:
      (bf) r2 = r8
      (07) r8 += 4
      (bf) r1 = r6
      (bf) r3 = r10
      (07) r3 += -112
      (b7) r4 = 4
      (85) call bpf_skb_load_bytes#26
      (55) if r0 != 0x0 goto truncated
      (69) r9 = *(u16 *)(r10 -110)
      (dc) r9 = be16 r9
behind_tag.9:
      ; too many tags
      (05) goto malformed
ppp:
      ; PPP, with or without address and control bytes; the same r7 and r8, of which the verifier knows nothing
      (61) r7 = *(u32 *)(r6 +0)
      (61) r1 = *(u32 *)(r6 +0)
      (0f) r8 += r7
      (1f) r8 -= r1
      (57) r8 &= 65535
      (bf) r2 = r8
      (bf) r1 = r6
      (bf) r3 = r10
      (07) r3 += -112
      (b7) r4 = 2
      (85) call bpf_skb_load_bytes#26
      (55) if r0 != 0x0 goto truncated
      (69) r1 = *(u16 *)(r10 -112)
      (dc) r1 = be16 r1
      (55) if r1 != 0xff03 goto bare_ppp
      (07) r8 += 2
      (bf) r2 = r8
      (bf) r1 = r6
      (bf) r3 = r10
      (07) r3 += -112
      (b7) r4 = 2
      (85) call bpf_skb_load_bytes#26
      (55) if r0 != 0x0 goto ends_behind_control
      (05) goto bare_ppp
ends_behind_control:
      (17) r8 -= 2
      (05) goto truncated
bare_ppp:
      ; r9 = protocol, in one byte if that is odd, else in two
      (71) r9 = *(u8 *)(r10 -112)
      (07) r8 += 1
      (bf) r1 = r9
      (45) if r1 & 0x1 goto ppp_protocol
      (69) r9 = *(u16 *)(r10 -112)
      (dc) r9 = be16 r9
      (07) r8 += 1
ppp_protocol:
      (15) if r9 == 0x21 goto ipv4
      (15) if r9 == 0x57 goto ipv6
      (15) if r9 == 0x281 goto ppp_mpls
      (15) if r9 == 0x283 goto ppp_mpls
      (05) goto not_ip
ppp_mpls:
      ; MPLS in PPP
      (bf) r2 = r8
      (07) r8 += 4
      (bf) r1 = r6
      (bf) r3 = r10
      (07) r3 += -112
      (b7) r4 = 4
      (85) call bpf_skb_load_bytes#26
      (55) if r0 != 0x0 goto truncated
      (71) r1 = *(u8 *)(r10 -110)
      (45) if r1 & 0x1 goto labelled
      (bf) r2 = r8
      (07) r8 += 4
      (bf) r1 = r6
      (bf) r3 = r10
      (07) r3 += -112
      (b7) r4 = 4
      (85) call bpf_skb_load_bytes#26
      (55) if r0 != 0x0 goto truncated
      (71) r1 = *(u8 *)(r10 -110)
      (45) if r1 & 0x1 goto labelled
      (bf) r2 = r8
      (07) r8 += 4
      (bf) r1 = r6
      (bf) r3 = r10
      (07) r3 += -112
      (b7) r4 = 4
      (85) call bpf_skb_load_bytes#26
      (55) if r0 != 0x0 goto truncated
      (71) r1 = *(u8 *)(r10 -110)
      (45) if r1 & 0x1 goto labelled
      (bf) r2 = r8
      (07) r8 += 4
      (bf) r1 = r6
      (bf) r3 = r10
      (07) r3 += -112
      (b7) r4 = 4
      (85) call bpf_skb_load_bytes#26
      (55) if r0 != 0x0 goto truncated
      (71) r1 = *(u8 *)(r10 -110)
      (45) if r1 & 0x1 goto labelled
      (bf) r2 = r8
      (07) r8 += 4
      (bf) r1 = r6
      (bf) r3 = r10
      (07) r3 += -112
      (b7) r4 = 4
      (85) call bpf_skb_load_bytes#26
      (55) if r0 != 0x0 goto truncated
      (71) r1 = *(u8 *)(r10 -110)
      (45) if r1 & 0x1 goto labelled
      (bf) r2 = r8
      (07) r8 += 4
      (bf) r1 = r6
      (bf) r3 = r10
      (07) r3 += -112
      (b7) r4 = 4
      (85) call bpf_skb_load_bytes#26
      (55) if r0 != 0x0 goto truncated
      (71) r1 = *(u8 *)(r10 -110)
      (45) if r1 & 0x1 goto labelled
      (bf) r2 = r8
      (07) r8 += 4
      (bf) r1 = r6
      (bf) r3 = r10
      (07) r3 += -112
      (b7) r4 = 4
      (85) call bpf_skb_load_bytes#26
      (55) if r0 != 0x0 goto truncated
      (71) r1 = *(u8 *)(r10 -110)
      (45) if r1 & 0x1 goto labelled
      (bf) r2 = r8
      (07) r8 += 4
      (bf) r1 = r6
      (bf) r3 = r10
      (07) r3 += -112
      (b7) r4 = 4
      (85) call bpf_skb_load_bytes#26
      (55) if r0 != 0x0 goto truncated
      (71) r1 = *(u8 *)(r10 -110)
      (45) if r1 & 0x1 goto labelled
      (bf) r2 = r8
      (07) r8 += 4
      (bf) r1 = r6
      (bf) r3 = r10
      (07) r3 += -112
      (b7) r4 = 4
      (85) call bpf_skb_load_bytes#26
      (55) if r0 != 0x0 goto truncated
      (71) r1 = *(u8 *)(r10 -110)
      (45) if r1 & 0x1 goto labelled
      (05) goto malformed
labelled:
      ; behind the last MPLS label: the version is in the first four bits; the same r7 and r8, of which the verifier knows nothing
      (61) r7 = *(u32 *)(r6 +0)
      (61) r1 = *(u32 *)(r6 +0)
      (0f) r8 += r7
      (1f) r8 -= r1
      (57) r8 &= 65535
      (bf) r2 = r8
      (bf) r1 = r6
      (bf) r3 = r10
      (07) r3 += -112
      (b7) r4 = 1
      (85) call bpf_skb_load_bytes#26
      (55) if r0 != 0x0 goto truncated
      (71) r1 = *(u8 *)(r10 -112)
      (77) r1 >>= 4
      (15) if r1 == 0x4 goto ipv4
      (15) if r1 == 0x6 goto ipv6
      (05) goto not_ip
network:
      (15) if r9 == 0x800 goto ipv4
      (15) if r9 == 0x86dd goto ipv6
      ; LLC, if r9 is the length of an 802.3 frame
      (15) if r9 == 0x8870 goto llc
      (25) if r9 > 0x5dc goto not_ip
llc:
      ; the same r7 and r8, of which the verifier knows nothing
      (61) r7 = *(u32 *)(r6 +0)
      (61) r1 = *(u32 *)(r6 +0)
      (0f) r8 += r7
      (1f) r8 -= r1
      (57) r8 &= 65535
      (bf) r2 = r8
      (bf) r1 = r6
      (bf) r3 = r10
      (07) r3 += -112
      (b7) r4 = 2
      (85) call bpf_skb_load_bytes#26
      (55) if r0 != 0x0 goto truncated
      (69) r1 = *(u16 *)(r10 -112)
      (57) r1 &= 65278
      (15) if r1 == 0xaaaa goto snap
      (55) if r1 != 0x606 goto not_ip
      (bf) r2 = r8
      (bf) r1 = r6
      (bf) r3 = r10
      (07) r3 += -112
      (b7) r4 = 3
      (85) call bpf_skb_load_bytes#26
      (55) if r0 != 0x0 goto truncated
      (71) r1 = *(u8 *)(r10 -110)
      (55) if r1 != 0x3 goto not_ip
      (07) r8 += 3
      (05) goto ipv4
snap:
      ; SNAP: an EtherType, of IEEE or of Cisco
      (bf) r2 = r8
      (bf) r1 = r6
      (bf) r3 = r10
      (07) r3 += -112
      (b7) r4 = 8
      (85) call bpf_skb_load_bytes#26
      (55) if r0 != 0x0 goto truncated
      (71) r1 = *(u8 *)(r10 -110)
      (55) if r1 != 0x3 goto not_ip
      (07) r8 += 3
      (71) r1 = *(u8 *)(r10 -109)
      (55) if r1 != 0x0 goto not_ip
      (71) r1 = *(u8 *)(r10 -108)
      (55) if r1 != 0x0 goto not_ip
      (71) r1 = *(u8 *)(r10 -107)
      (15) if r1 == 0x0 goto snap_type
      (55) if r1 != 0xf8 goto not_ip
snap_type:
      (07) r8 += 5
      (69) r9 = *(u16 *)(r10 -106)
      (dc) r9 = be16 r9
      (15) if r9 == 0x800 goto ipv4
      (55) if r9 != 0x86dd goto not_ip
ipv6:
      ; the same r7 and r8, of which the verifier knows nothing
      (61) r7 = *(u32 *)(r6 +0)
      (61) r1 = *(u32 *)(r6 +0)
      (0f) r8 += r7
      (1f) r8 -= r1
      (57) r8 &= 65535
      ; the IPv6 header
      (bf) r2 = r8
      (bf) r1 = r6
      (bf) r3 = r10
      (07) r3 += -104
      (b7) r4 = 40
      (85) call bpf_skb_load_bytes#26
      (55) if r0 != 0x0 goto ipv6_short
      (05) goto ipv6_whole
ipv6_short:
      ; cut short: its version tells malformed from truncated
      (bf) r2 = r8
      (bf) r1 = r6
      (bf) r3 = r10
      (07) r3 += -112
      (b7) r4 = 1
      (85) call bpf_skb_load_bytes#26
      (55) if r0 != 0x0 goto truncated
      (71) r1 = *(u8 *)(r10 -112)
      (77) r1 >>= 4
      (15) if r1 == 0x6 goto truncated
      (05) goto malformed
ipv6_whole:
      ; version 6
      (71) r1 = *(u8 *)(r10 -104)
      (77) r1 >>= 4
      (55) if r1 != 0x6 goto malformed
      ; r7 = size in layer 3, r9 = next header
      (1f) r7 -= r8
      (71) r9 = *(u8 *)(r10 -98)
      (07) r8 += 40
      (7a) *(u64 *)(r10 -120) = 0
      ; extension header 1, if r9 is the type of one
      (18) r1 = map[tables][0]+512
      (0f) r1 += r9
      (71) r1 = *(u8 *)(r1 +0)
      (15) if r1 == 0x0 goto payload
      (79) r1 = *(u64 *)(r10 -120)
      (25) if r1 > 0x7c goto payload
      (bf) r2 = r8
      (bf) r1 = r6
      (bf) r3 = r10
      (07) r3 += -112
      (b7) r4 = 4
      (85) call bpf_skb_load_bytes#26
      (55) if r0 != 0x0 goto payload
      (bf) r1 = r9
      (71) r9 = *(u8 *)(r10 -112)
      (71) r2 = *(u8 *)(r10 -111)
      (15) if r1 == 0x2c goto fragment
      (15) if r1 == 0x33 goto authentication
      (07) r2 += 1
      (67) r2 <<= 3
      (05) goto step_over
authentication:
      (07) r2 += 2
      (67) r2 <<= 2
      (05) goto step_over
fragment:
      (69) r1 = *(u16 *)(r10 -110)
      (dc) r1 = be16 r1
      (77) r1 >>= 3
      (15) if r1 == 0x0 goto first_fragment
      ; a later fragment: the rest of the chain is in another packet
      (b7) r8 = 0
      (05) goto payload
first_fragment:
      (b7) r2 = 8
step_over:
      (0f) r8 += r2
      (79) r1 = *(u64 *)(r10 -120)
      (0f) r1 += r2
      (7b) *(u64 *)(r10 -120) = r1
      ; extension header 2, if r9 is the type of one
      (18) r1 = map[tables][0]+512
      (0f) r1 += r9
      (71) r1 = *(u8 *)(r1 +0)
      (15) if r1 == 0x0 goto payload
      (79) r1 = *(u64 *)(r10 -120)
      (25) if r1 > 0x7c goto payload
      (bf) r2 = r8
      (bf) r1 = r6
      (bf) r3 = r10
      (07) r3 += -112
      (b7) r4 = 4
      (85) call bpf_skb_load_bytes#26
      (55) if r0 != 0x0 goto payload
      (bf) r1 = r9
      (71) r9 = *(u8 *)(r10 -112)
      (71) r2 = *(u8 *)(r10 -111)
      (15) if r1 == 0x2c goto fragment.2
      (15) if r1 == 0x33 goto authentication.2
      (07) r2 += 1
      (67) r2 <<= 3
      (05) goto step_over.2
authentication.2:
      (07) r2 += 2
      (67) r2 <<= 2
      (05) goto step_over.2
fragment.2:
      (69) r1 = *(u16 *)(r10 -110)
      (dc) r1 = be16 r1
      (77) r1 >>= 3
      (15) if r1 == 0x0 goto first_fragment.2
      ; a later fragment: the rest of the chain is in another packet
      (b7) r8 = 0
      (05) goto payload
first_fragment.2:
      (b7) r2 = 8
step_over.2:
      (0f) r8 += r2
      (79) r1 = *(u64 *)(r10 -120)
      (0f) r1 += r2
      (7b) *(u64 *)(r10 -120) = r1
      ; extension header 3, if r9 is the type of one
      (18) r1 = map[tables][0]+512
      (0f) r1 += r9
      (71) r1 = *(u8 *)(r1 +0)
      (15) if r1 == 0x0 goto payload
      (79) r1 = *(u64 *)(r10 -120)
      (25) if r1 > 0x7c goto payload
      (bf) r2 = r8
      (bf) r1 = r6
      (bf) r3 = r10
      (07) r3 += -112
      (b7) r4 = 4
      (85) call bpf_skb_load_bytes#26
      (55) if r0 != 0x0 goto payload
      (bf) r1 = r9
      (71) r9 = *(u8 *)(r10 -112)
      (71) r2 = *(u8 *)(r10 -111)
      (15) if r1 == 0x2c goto fragment.3
      (15) if r1 == 0x33 goto authentication.3
      (07) r2 += 1
      (67) r2 <<= 3
      (05) goto step_over.3
authentication.3:
      (07) r2 += 2
      (67) r2 <<= 2
      (05) goto step_over.3
fragment.3:
      (69) r1 = *(u16 *)(r10 -110)
      (dc) r1 = be16 r1
      (77) r1 >>= 3
      (15) if r1 == 0x0 goto first_fragment.3
      ; a later fragment: the rest of the chain is in another packet
      (b7) r8 = 0
      (05) goto payload
first_fragment.3:
      (b7) r2 = 8
step_over.3:
      (0f) r8 += r2
      (79) r1 = *(u64 *)(r10 -120)
      (0f) r1 += r2
      (7b) *(u64 *)(r10 -120) = r1
      ; extension header 4, if r9 is the type of one
      (18) r1 = map[tables][0]+512
      (0f) r1 += r9
      (71) r1 = *(u8 *)(r1 +0)
      (15) if r1 == 0x0 goto payload
      (79) r1 = *(u64 *)(r10 -120)
      (25) if r1 > 0x7c goto payload
      (bf) r2 = r8
      (bf) r1 = r6
      (bf) r3 = r10
      (07) r3 += -112
      (b7) r4 = 4
      (85) call bpf_skb_load_bytes#26
      (55) if r0 != 0x0 goto payload
      (bf) r1 = r9
      (71) r9 = *(u8 *)(r10 -112)
      (71) r2 = *(u8 *)(r10 -111)
      (15) if r1 == 0x2c goto fragment.4
      (15) if r1 == 0x33 goto authentication.4
      (07) r2 += 1
      (67) r2 <<= 3
      (05) goto step_over.4
authentication.4:
      (07) r2 += 2
      (67) r2 <<= 2
      (05) goto step_over.4
fragment.4:
      (69) r1 = *(u16 *)(r10 -110)
      (dc) r1 = be16 r1
      (77) r1 >>= 3
      (15) if r1 == 0x0 goto first_fragment.4
      ; a later fragment: the rest of the chain is in another packet
      (b7) r8 = 0
      (05) goto payload
first_fragment.4:
      (b7) r2 = 8
step_over.4:
      (0f) r8 += r2
      (79) r1 = *(u64 *)(r10 -120)
      (0f) r1 += r2
      (7b) *(u64 *)(r10 -120) = r1
      ; extension header 5, if r9 is the type of one
      (18) r1 = map[tables][0]+512
      (0f) r1 += r9
      (71) r1 = *(u8 *)(r1 +0)
      (15) if r1 == 0x0 goto payload
      (79) r1 = *(u64 *)(r10 -120)
      (25) if r1 > 0x7c goto payload
      (bf) r2 = r8
      (bf) r1 = r6
      (bf) r3 = r10
      (07) r3 += -112
      (b7) r4 = 4
      (85) call bpf_skb_load_bytes#26
      (55) if r0 != 0x0 goto payload
      (bf) r1 = r9
      (71) r9 = *(u8 *)(r10 -112)
      (71) r2 = *(u8 *)(r10 -111)
      (15) if r1 == 0x2c goto fragment.5
      (15) if r1 == 0x33 goto authentication.5
      (07) r2 += 1
      (67) r2 <<= 3
      (05) goto step_over.5
authentication.5:
      (07) r2 += 2
      (67) r2 <<= 2
      (05) goto step_over.5
fragment.5:
      (69) r1 = *(u16 *)(r10 -110)
      (dc) r1 = be16 r1
      (77) r1 >>= 3
      (15) if r1 == 0x0 goto first_fragment.5
      ; a later fragment: the rest of the chain is in another packet
      (b7) r8 = 0
      (05) goto payload
first_fragment.5:
      (b7) r2 = 8
step_over.5:
      (0f) r8 += r2
      (79) r1 = *(u64 *)(r10 -120)
      (0f) r1 += r2
      (7b) *(u64 *)(r10 -120) = r1
      ; extension header 6, if r9 is the type of one
      (18) r1 = map[tables][0]+512
      (0f) r1 += r9
      (71) r1 = *(u8 *)(r1 +0)
      (15) if r1 == 0x0 goto payload
      (79) r1 = *(u64 *)(r10 -120)
      (25) if r1 > 0x7c goto payload
      (bf) r2 = r8
      (bf) r1 = r6
      (bf) r3 = r10
      (07) r3 += -112
      (b7) r4 = 4
      (85) call bpf_skb_load_bytes#26
      (55) if r0 != 0x0 goto payload
      (bf) r1 = r9
      (71) r9 = *(u8 *)(r10 -112)
      (71) r2 = *(u8 *)(r10 -111)
      (15) if r1 == 0x2c goto fragment.6
      (15) if r1 == 0x33 goto authentication.6
      (07) r2 += 1
      (67) r2 <<= 3
      (05) goto step_over.6
authentication.6:
      (07) r2 += 2
      (67) r2 <<= 2
      (05) goto step_over.6
fragment.6:
      (69) r1 = *(u16 *)(r10 -110)
      (dc) r1 = be16 r1
      (77) r1 >>= 3
      (15) if r1 == 0x0 goto first_fragment.6
      ; a later fragment: the rest of the chain is in another packet
      (b7) r8 = 0
      (05) goto payload
first_fragment.6:
      (b7) r2 = 8
step_over.6:
      (0f) r8 += r2
      (79) r1 = *(u64 *)(r10 -120)
      (0f) r1 += r2
      (7b) *(u64 *)(r10 -120) = r1
      ; extension header 7, if r9 is the type of one
      (18) r1 = map[tables][0]+512
      (0f) r1 += r9
      (71) r1 = *(u8 *)(r1 +0)
      (15) if r1 == 0x0 goto payload
      (79) r1 = *(u64 *)(r10 -120)
      (25) if r1 > 0x7c goto payload
      (bf) r2 = r8
      (bf) r1 = r6
      (bf) r3 = r10
      (07) r3 += -112
      (b7) r4 = 4
      (85) call bpf_skb_load_bytes#26
      (55) if r0 != 0x0 goto payload
      (bf) r1 = r9
      (71) r9 = *(u8 *)(r10 -112)
      (71) r2 = *(u8 *)(r10 -111)
      (15) if r1 == 0x2c goto fragment.7
      (15) if r1 == 0x33 goto authentication.7
      (07) r2 += 1
      (67) r2 <<= 3
      (05) goto step_over.7
authentication.7:
      (07) r2 += 2
      (67) r2 <<= 2
      (05) goto step_over.7
fragment.7:
      (69) r1 = *(u16 *)(r10 -110)
      (dc) r1 = be16 r1
      (77) r1 >>= 3
      (15) if r1 == 0x0 goto first_fragment.7
      ; a later fragment: the rest of the chain is in another packet
      (b7) r8 = 0
      (05) goto payload
first_fragment.7:
      (b7) r2 = 8
step_over.7:
      (0f) r8 += r2
      (79) r1 = *(u64 *)(r10 -120)
      (0f) r1 += r2
      (7b) *(u64 *)(r10 -120) = r1
      ; extension header 8, if r9 is the type of one
      (18) r1 = map[tables][0]+512
      (0f) r1 += r9
      (71) r1 = *(u8 *)(r1 +0)
      (15) if r1 == 0x0 goto payload
      (79) r1 = *(u64 *)(r10 -120)
      (25) if r1 > 0x7c goto payload
      (bf) r2 = r8
      (bf) r1 = r6
      (bf) r3 = r10
      (07) r3 += -112
      (b7) r4 = 4
      (85) call bpf_skb_load_bytes#26
      (55) if r0 != 0x0 goto payload
      (bf) r1 = r9
      (71) r9 = *(u8 *)(r10 -112)
      (71) r2 = *(u8 *)(r10 -111)
      (15) if r1 == 0x2c goto fragment.8
      (15) if r1 == 0x33 goto authentication.8
      (07) r2 += 1
      (67) r2 <<= 3
      (05) goto step_over.8
authentication.8:
      (07) r2 += 2
      (67) r2 <<= 2
      (05) goto step_over.8
fragment.8:
      (69) r1 = *(u16 *)(r10 -110)
      (dc) r1 = be16 r1
      (77) r1 >>= 3
      (15) if r1 == 0x0 goto first_fragment.8
      ; a later fragment: the rest of the chain is in another packet
      (b7) r8 = 0
      (05) goto payload
first_fragment.8:
      (b7) r2 = 8
step_over.8:
      (0f) r8 += r2
      (79) r1 = *(u64 *)(r10 -120)
      (0f) r1 += r2
      (7b) *(u64 *)(r10 -120) = r1
payload:
      ; r6 = column of the protocol
      (18) r1 = map[tables][0]+256
      (0f) r1 += r9
      (71) r6 = *(u8 *)(r1 +0)
      (57) r6 &= 60
      (05) goto count_ipv6
truncated:
      ; the same r7 and r8, of which the verifier knows nothing
      (61) r7 = *(u32 *)(r6 +0)
      (61) r1 = *(u32 *)(r6 +0)
      (0f) r8 += r7
      (1f) r8 -= r1
      (57) r8 &= 65535
      ; r7 = size behind the link header, 0 if that alone is longer
      (1f) r7 -= r8
      (bf) r1 = r7
      (c7) r1 s>>= 63
      (a7) r1 ^= -1
      (5f) r7 &= r1
      (05) goto count_truncated
malformed:
      ; the same r7 and r8, of which the verifier knows nothing
      (61) r7 = *(u32 *)(r6 +0)
      (61) r1 = *(u32 *)(r6 +0)
      (0f) r8 += r7
      (1f) r8 -= r1
      (57) r8 &= 65535
      ; r7 = size behind the link header, 0 if that alone is longer
      (1f) r7 -= r8
      (bf) r1 = r7
      (c7) r1 s>>= 63
      (a7) r1 ^= -1
      (5f) r7 &= r1
      (05) goto count_malformed
not_ip:
      ; the same r7 and r8, of which the verifier knows nothing
      (61) r7 = *(u32 *)(r6 +0)
      (61) r1 = *(u32 *)(r6 +0)
      (0f) r8 += r7
      (1f) r8 -= r1
      (57) r8 &= 65535
      ; r7 = size behind the link header, 0 if that alone is longer
      (1f) r7 -= r8
      (bf) r1 = r7
      (c7) r1 s>>= 63
      (a7) r1 ^= -1
      (5f) r7 &= r1
      (05) goto count_not_ip
ipv4:
      ; the same r7 and r8, of which the verifier knows nothing
      (61) r7 = *(u32 *)(r6 +0)
      (61) r1 = *(u32 *)(r6 +0)
      (0f) r8 += r7
      (1f) r8 -= r1
      (57) r8 &= 65535
      ; the IPv4 header
      (bf) r2 = r8
      (bf) r1 = r6
      (bf) r3 = r10
      (07) r3 += -36
      (b7) r4 = 20
      (85) call bpf_skb_load_bytes#26
      (55) if r0 != 0x0 goto ipv4_short
      (05) goto ipv4_whole
ipv4_short:
      ; cut short: its version tells malformed from truncated
      (bf) r2 = r8
      (bf) r1 = r6
      (bf) r3 = r10
      (07) r3 += -112
      (b7) r4 = 1
      (85) call bpf_skb_load_bytes#26
      (55) if r0 != 0x0 goto truncated
      (71) r1 = *(u8 *)(r10 -112)
      (77) r1 >>= 4
      (15) if r1 == 0x4 goto truncated
      (05) goto malformed
ipv4_whole:
      (05) goto ipv4_loaded
count_ipv6:
      (7a) *(u64 *)(r10 -216) = 6
      (05) goto count_kind
count_truncated:
      (7a) *(u64 *)(r10 -216) = 1
      (05) goto count_kind
count_malformed:
      (7a) *(u64 *)(r10 -216) = 2
      (05) goto count_kind
count_not_ip:
      (7a) *(u64 *)(r10 -216) = 0
count_kind:
      ; r9 = this CPU's lane
      (85) call bpf_get_smp_processor_id#8
      (57) r0 &= 3
      (63) *(u32 *)(r10 -4) = r0
      (18) r1 = map[counters]
      (bf) r2 = r10
      (07) r2 += -4
      (85) call bpf_map_lookup_elem#1
      (15) if r0 == 0x0 goto ignored
      (bf) r9 = r0
size_single.2:
      (bf) r1 = r7
      ; r8 = bucket of the size in r1
      (07) r1 += 63
      (77) r1 >>= 6
      (57) r1 &= 16383
      (18) r2 = map[tables][0]+768
      (0f) r2 += r1
      (71) r8 = *(u8 *)(r2 +0)
      (57) r8 &= 56
sized.2:
      ; count in slot 0, which has all frames
      (bf) r0 = r9
      ; r7 bytes, and a packet in bucket r8
      (79) r1 = *(u64 *)(r0 +56)
      (0f) r1 += r7
      (7b) *(u64 *)(r0 +56) = r1
      (0f) r0 += r8
      (79) r1 = *(u64 *)(r0 +0)
      (07) r1 += 1
      (7b) *(u64 *)(r0 +0) = r1
      ; by its kind
      (79) r1 = *(u64 *)(r10 -216)
      (15) if r1 == 0x6 goto to_ipv6_addresses
      (15) if r1 == 0x0 goto ignored
      (15) if r1 == 0x2 goto event_malformed
      ; an event: truncated
      (62) *(u32 *)(r10 -4) = 0
      (18) r1 = map[counters]
      (bf) r2 = r10
      (07) r2 += -4
      (85) call bpf_map_lookup_elem#1
      (15) if r0 == 0x0 goto event_counted.2
      (b7) r1 = 1
      (db) lock *(u64 *)(r0 +64) += r1
event_counted.2:
      (b7) r0 = 0
      (95) exit
event_malformed:
      ; an event: malformed
      (62) *(u32 *)(r10 -4) = 0
      (18) r1 = map[counters]
      (bf) r2 = r10
      (07) r2 += -4
      (85) call bpf_map_lookup_elem#1
      (15) if r0 == 0x0 goto event_counted.3
      (b7) r1 = 1
      (db) lock *(u64 *)(r0 +72) += r1
event_counted.3:
ignored:
      (b7) r0 = 0
      (95) exit
to_ipv6_addresses:
      (05) goto ipv6_addresses
ipv6_addresses:
      ; the source, at -96: its range, by a tree of compares
      (79) r1 = *(u64 *)(r10 -96)
      (79) r2 = *(u64 *)(r10 -88)
      (7b) *(u64 *)(r10 -152) = r1
      (7b) *(u64 *)(r10 -144) = r2
      (dc) r1 = be64 r1
      (dc) r2 = be64 r2
      (18) r3 = 0x20010db800000000
      (ad) if r1 < r3 goto source_done.2
      (18) r3 = 0x20010db900000000
      (ad) if r1 < r3 goto below.3
      (05) goto source_done.2
below.3:
      ; range 1
      (b7) r2 = 1
      (05) goto source_in_range.2
source_in_range.2:
      ; r2 = row of the address, or of the network that range r2 rolls it up into; the same r2, of which the verifier knows nothing
      (63) *(u32 *)(r10 -4) = r2
      (61) r2 = *(u32 *)(r10 -4)
      (7b) *(u64 *)(r10 -176) = r2
      (18) r1 = map[ranges]
      (bf) r2 = r10
      (07) r2 += -4
      (85) call bpf_map_lookup_elem#1
      (15) if r0 == 0x0 goto source_done.2
      (79) r1 = *(u64 *)(r10 -152)
      (79) r2 = *(u64 *)(r0 +0)
      (5f) r1 &= r2
      (7b) *(u64 *)(r10 -168) = r1
      (79) r1 = *(u64 *)(r10 -144)
      (79) r2 = *(u64 *)(r0 +8)
      (5f) r1 &= r2
      (7b) *(u64 *)(r10 -160) = r1
      (61) r1 = *(u32 *)(r0 +16)
      (7b) *(u64 *)(r10 -192) = r1
      (18) r1 = map[index]
      (bf) r2 = r10
      (07) r2 += -176
      (85) call bpf_map_lookup_elem#1
      (15) if r0 == 0x0 goto new_address
      (79) r2 = *(u64 *)(r0 +0)
      (05) goto address_known
new_address:
      ; a new row; r2 = a ticket, if more than the reserve are left
      (18) r1 = map[state][0]+16400
      (79) r2 = *(u64 *)(r1 +0)
      (79) r3 = *(u64 *)(r1 +8)
      (3d) if r2 >= r3 goto no_row_left
      (b7) r2 = 1
      (db) r2 = atomic64_fetch_add((u64 *)(r1 +0), r2)
      ; another CPU may have taken the last one meanwhile
      (3d) if r2 >= r3 goto no_row_left
      (a5) if r2 < 0x56a goto number_taken
      ; behind the capacity: what waits in the queue at that place
      (57) r2 &= 255
      (27) r2 *= 4
      (18) r4 = map[state][0]+16416
      (0f) r4 += r2
      (61) r2 = *(u32 *)(r4 +0)
number_taken:
      (7b) *(u64 *)(r10 -184) = r2
      (05) goto row_taken
no_row_left:
      ; an event: exhausted
      (62) *(u32 *)(r10 -4) = 0
      (18) r1 = map[counters]
      (bf) r2 = r10
      (07) r2 += -4
      (85) call bpf_map_lookup_elem#1
      (15) if r0 == 0x0 goto event_counted.4
      (b7) r1 = 1
      (db) lock *(u64 *)(r0 +88) += r1
event_counted.4:
      (05) goto address_refused
row_taken:
      ; what the row is for
      (63) *(u32 *)(r10 -4) = r2
      (18) r1 = map[keys]
      (bf) r2 = r10
      (07) r2 += -4
      (85) call bpf_map_lookup_elem#1
      (15) if r0 == 0x0 goto source_done.2
      (79) r1 = *(u64 *)(r10 -176)
      (7b) *(u64 *)(r0 +0) = r1
      (79) r1 = *(u64 *)(r10 -168)
      (7b) *(u64 *)(r0 +8) = r1
      (79) r1 = *(u64 *)(r10 -160)
      (7b) *(u64 *)(r0 +16) = r1
      (18) r1 = map[rows]
      (bf) r2 = r10
      (07) r2 += -4
      (85) call bpf_map_lookup_elem#1
      (15) if r0 == 0x0 goto source_done.2
      (79) r1 = *(u64 *)(r10 -192)
      (63) *(u32 *)(r0 +124) = r1
      (62) *(u32 *)(r0 +60) = 1
      (18) r1 = map[index]
      (bf) r2 = r10
      (07) r2 += -176
      (bf) r3 = r10
      (07) r3 += -184
      (b7) r4 = 1
      (85) call bpf_map_update_elem#2
      (79) r2 = *(u64 *)(r10 -184)
      (15) if r0 == 0x0 goto address_known
      ; another CPU was faster, or the kernel is out of memory; the new row is nobody's
      (79) r2 = *(u64 *)(r10 -184)
      (63) *(u32 *)(r10 -4) = r2
      (18) r1 = map[rows]
      (bf) r2 = r10
      (07) r2 += -4
      (85) call bpf_map_lookup_elem#1
      (15) if r0 == 0x0 goto source_done.2
      (62) *(u32 *)(r0 +60) = 0
      (18) r1 = map[index]
      (bf) r2 = r10
      (07) r2 += -176
      (85) call bpf_map_lookup_elem#1
      (15) if r0 == 0x0 goto no_memory
      (79) r2 = *(u64 *)(r0 +0)
      (05) goto address_known
no_memory:
      ; an event: exhausted
      (62) *(u32 *)(r10 -4) = 0
      (18) r1 = map[counters]
      (bf) r2 = r10
      (07) r2 += -4
      (85) call bpf_map_lookup_elem#1
      (15) if r0 == 0x0 goto event_counted.5
      (b7) r1 = 1
      (db) lock *(u64 *)(r0 +88) += r1
event_counted.5:
address_refused:
      (79) r2 = *(u64 *)(r10 -192)
address_known:
      ; count in row r2, in the half at 0
      (63) *(u32 *)(r10 -4) = r2
      (18) r1 = map[rows]
      (bf) r2 = r10
      (07) r2 += -4
      (85) call bpf_map_lookup_elem#1
      (15) if r0 == 0x0 goto source_done.2
      ; r2 = slot of column r6 at r1
      (bf) r1 = r0
      (0f) r1 += r6
      (61) r2 = *(u32 *)(r1 +0)
      (15) if r2 == 0x0 goto needs_slot
has_slot:
      ; the same r2, of which the verifier knows nothing
      (63) *(u32 *)(r10 -4) = r2
      (61) r2 = *(u32 *)(r10 -4)
      ; r0 = counters of slot r2
      (35) if r2 >= 0x75f2 goto source_done.2
      (67) r2 <<= 6
      (bf) r0 = r9
      (0f) r0 += r2
      ; r7 bytes, and a packet in bucket r8
      (79) r1 = *(u64 *)(r0 +56)
      (0f) r1 += r7
      (7b) *(u64 *)(r0 +56) = r1
      (0f) r0 += r8
      (79) r1 = *(u64 *)(r0 +0)
      (07) r1 += 1
      (7b) *(u64 *)(r0 +0) = r1
source_done.2:
      ; the destination, at -80: its range, by a tree of compares
      (79) r1 = *(u64 *)(r10 -80)
      (79) r2 = *(u64 *)(r10 -72)
      (7b) *(u64 *)(r10 -152) = r1
      (7b) *(u64 *)(r10 -144) = r2
      (dc) r1 = be64 r1
      (dc) r2 = be64 r2
      (18) r3 = 0x20010db800000000
      (ad) if r1 < r3 goto destination_done.2
      (18) r3 = 0x20010db900000000
      (ad) if r1 < r3 goto below.4
      (05) goto destination_done.2
below.4:
      ; range 1
      (b7) r2 = 1
      (05) goto destination_in_range.2
destination_in_range.2:
      ; r2 = row of the address, or of the network that range r2 rolls it up into; the same r2, of which the verifier knows nothing
      (63) *(u32 *)(r10 -4) = r2
      (61) r2 = *(u32 *)(r10 -4)
      (7b) *(u64 *)(r10 -176) = r2
      (18) r1 = map[ranges]
      (bf) r2 = r10
      (07) r2 += -4
      (85) call bpf_map_lookup_elem#1
      (15) if r0 == 0x0 goto destination_done.2
      (79) r1 = *(u64 *)(r10 -152)
      (79) r2 = *(u64 *)(r0 +0)
      (5f) r1 &= r2
      (7b) *(u64 *)(r10 -168) = r1
      (79) r1 = *(u64 *)(r10 -144)
      (79) r2 = *(u64 *)(r0 +8)
      (5f) r1 &= r2
      (7b) *(u64 *)(r10 -160) = r1
      (61) r1 = *(u32 *)(r0 +16)
      (7b) *(u64 *)(r10 -192) = r1
      (18) r1 = map[index]
      (bf) r2 = r10
      (07) r2 += -176
      (85) call bpf_map_lookup_elem#1
      (15) if r0 == 0x0 goto new_address.2
      (79) r2 = *(u64 *)(r0 +0)
      (05) goto address_known.2
new_address.2:
      ; a new row; r2 = a ticket, if more than the reserve are left
      (18) r1 = map[state][0]+16400
      (79) r2 = *(u64 *)(r1 +0)
      (79) r3 = *(u64 *)(r1 +8)
      (07) r2 += 62
      (3d) if r2 >= r3 goto no_row_left.2
      (b7) r2 = 1
      (db) r2 = atomic64_fetch_add((u64 *)(r1 +0), r2)
      ; another CPU may have taken the last one meanwhile
      (3d) if r2 >= r3 goto no_row_left.2
      (a5) if r2 < 0x56a goto number_taken.2
      ; behind the capacity: what waits in the queue at that place
      (57) r2 &= 255
      (27) r2 *= 4
      (18) r4 = map[state][0]+16416
      (0f) r4 += r2
      (61) r2 = *(u32 *)(r4 +0)
number_taken.2:
      (7b) *(u64 *)(r10 -184) = r2
      (05) goto row_taken.2
no_row_left.2:
      ; an event: exhausted
      (62) *(u32 *)(r10 -4) = 0
      (18) r1 = map[counters]
      (bf) r2 = r10
      (07) r2 += -4
      (85) call bpf_map_lookup_elem#1
      (15) if r0 == 0x0 goto event_counted.6
      (b7) r1 = 1
      (db) lock *(u64 *)(r0 +88) += r1
event_counted.6:
      (05) goto address_refused.2
row_taken.2:
      ; what the row is for
      (63) *(u32 *)(r10 -4) = r2
      (18) r1 = map[keys]
      (bf) r2 = r10
      (07) r2 += -4
      (85) call bpf_map_lookup_elem#1
      (15) if r0 == 0x0 goto destination_done.2
      (79) r1 = *(u64 *)(r10 -176)
      (7b) *(u64 *)(r0 +0) = r1
      (79) r1 = *(u64 *)(r10 -168)
      (7b) *(u64 *)(r0 +8) = r1
      (79) r1 = *(u64 *)(r10 -160)
      (7b) *(u64 *)(r0 +16) = r1
      (18) r1 = map[rows]
      (bf) r2 = r10
      (07) r2 += -4
      (85) call bpf_map_lookup_elem#1
      (15) if r0 == 0x0 goto destination_done.2
      (79) r1 = *(u64 *)(r10 -192)
      (63) *(u32 *)(r0 +124) = r1
      (62) *(u32 *)(r0 +60) = 1
      (18) r1 = map[index]
      (bf) r2 = r10
      (07) r2 += -176
      (bf) r3 = r10
      (07) r3 += -184
      (b7) r4 = 1
      (85) call bpf_map_update_elem#2
      (79) r2 = *(u64 *)(r10 -184)
      (15) if r0 == 0x0 goto address_known.2
      ; another CPU was faster, or the kernel is out of memory; the new row is nobody's
      (79) r2 = *(u64 *)(r10 -184)
      (63) *(u32 *)(r10 -4) = r2
      (18) r1 = map[rows]
      (bf) r2 = r10
      (07) r2 += -4
      (85) call bpf_map_lookup_elem#1
      (15) if r0 == 0x0 goto destination_done.2
      (62) *(u32 *)(r0 +60) = 0
      (18) r1 = map[index]
      (bf) r2 = r10
      (07) r2 += -176
      (85) call bpf_map_lookup_elem#1
      (15) if r0 == 0x0 goto no_memory.2
      (79) r2 = *(u64 *)(r0 +0)
      (05) goto address_known.2
no_memory.2:
      ; an event: exhausted
      (62) *(u32 *)(r10 -4) = 0
      (18) r1 = map[counters]
      (bf) r2 = r10
      (07) r2 += -4
      (85) call bpf_map_lookup_elem#1
      (15) if r0 == 0x0 goto event_counted.7
      (b7) r1 = 1
      (db) lock *(u64 *)(r0 +88) += r1
event_counted.7:
address_refused.2:
      (79) r2 = *(u64 *)(r10 -192)
address_known.2:
      ; count in row r2, in the half at 64
      (63) *(u32 *)(r10 -4) = r2
      (18) r1 = map[rows]
      (bf) r2 = r10
      (07) r2 += -4
      (85) call bpf_map_lookup_elem#1
      (15) if r0 == 0x0 goto destination_done.2
      ; r2 = slot of column r6 at r1
      (bf) r1 = r0
      (07) r1 += 64
      (0f) r1 += r6
      (61) r2 = *(u32 *)(r1 +0)
      (15) if r2 == 0x0 goto needs_slot.2
has_slot.2:
      ; the same r2, of which the verifier knows nothing
      (63) *(u32 *)(r10 -4) = r2
      (61) r2 = *(u32 *)(r10 -4)
      ; r0 = counters of slot r2
      (35) if r2 >= 0x75f2 goto destination_done.2
      (67) r2 <<= 6
      (bf) r0 = r9
      (0f) r0 += r2
      ; r7 bytes, and a packet in bucket r8
      (79) r1 = *(u64 *)(r0 +56)
      (0f) r1 += r7
      (7b) *(u64 *)(r0 +56) = r1
      (0f) r0 += r8
      (79) r1 = *(u64 *)(r0 +0)
      (07) r1 += 1
      (7b) *(u64 *)(r0 +0) = r1
destination_done.2:
      (b7) r0 = 0
      (95) exit
needs_slot:
      (7b) *(u64 *)(r10 -128) = r1
      (7b) *(u64 *)(r10 -136) = r0
      ; r2 = a new slot, published in the cell; r2 = a ticket, if more than the reserve are left
      (18) r1 = map[state][0]+0
      (79) r2 = *(u64 *)(r1 +0)
      (79) r3 = *(u64 *)(r1 +8)
      (3d) if r2 >= r3 goto no_slot_left
      (b7) r2 = 1
      (db) r2 = atomic64_fetch_add((u64 *)(r1 +0), r2)
      ; another CPU may have taken the last one meanwhile
      (3d) if r2 >= r3 goto no_slot_left
      (a5) if r2 < 0x75f2 goto number_taken.3
      ; behind the capacity: what waits in the queue at that place
      (57) r2 &= 4095
      (27) r2 *= 4
      (18) r4 = map[state][0]+16
      (0f) r4 += r2
      (61) r2 = *(u32 *)(r4 +0)
number_taken.3:
      (79) r3 = *(u64 *)(r10 -128)
      (b7) r0 = 0
      (c3) r0 = atomic_cmpxchg((u32 *)(r3 +0), r0, r2)
      (15) if r0 == 0x0 goto has_slot
      ; another CPU was faster: its slot is the one, ours stays empty
      (bf) r2 = r0
      (05) goto has_slot
no_slot_left:
      ; an event: exhausted
      (62) *(u32 *)(r10 -4) = 0
      (18) r1 = map[counters]
      (bf) r2 = r10
      (07) r2 += -4
      (85) call bpf_map_lookup_elem#1
      (15) if r0 == 0x0 goto event_counted.8
      (b7) r1 = 1
      (db) lock *(u64 *)(r0 +88) += r1
event_counted.8:
      (05) goto refused
refused:
      ; r0 = the row that takes what this one refuses
      (79) r3 = *(u64 *)(r10 -136)
      (61) r2 = *(u32 *)(r3 +124)
      (63) *(u32 *)(r10 -4) = r2
      (18) r1 = map[rows]
      (bf) r2 = r10
      (07) r2 += -4
      (85) call bpf_map_lookup_elem#1
      (15) if r0 == 0x0 goto source_done.2
      ; r2 = slot of column r6 at r1
      (bf) r1 = r0
      (0f) r1 += r6
      (61) r2 = *(u32 *)(r1 +0)
      (55) if r2 != 0x0 goto has_slot
      (05) goto source_done.2
needs_slot.2:
      (7b) *(u64 *)(r10 -128) = r1
      (7b) *(u64 *)(r10 -136) = r0
      ; r2 = a new slot, published in the cell; r2 = a ticket, if more than the reserve are left
      (18) r1 = map[state][0]+0
      (79) r2 = *(u64 *)(r1 +0)
      (79) r3 = *(u64 *)(r1 +8)
      (3d) if r2 >= r3 goto no_slot_left.2
      (b7) r2 = 1
      (db) r2 = atomic64_fetch_add((u64 *)(r1 +0), r2)
      ; another CPU may have taken the last one meanwhile
      (3d) if r2 >= r3 goto no_slot_left.2
      (a5) if r2 < 0x75f2 goto number_taken.4
      ; behind the capacity: what waits in the queue at that place
      (57) r2 &= 4095
      (27) r2 *= 4
      (18) r4 = map[state][0]+16
      (0f) r4 += r2
      (61) r2 = *(u32 *)(r4 +0)
number_taken.4:
      (79) r3 = *(u64 *)(r10 -128)
      (b7) r0 = 0
      (c3) r0 = atomic_cmpxchg((u32 *)(r3 +0), r0, r2)
      (15) if r0 == 0x0 goto has_slot.2
      ; another CPU was faster: its slot is the one, ours stays empty
      (bf) r2 = r0
      (05) goto has_slot.2
no_slot_left.2:
      ; an event: exhausted
      (62) *(u32 *)(r10 -4) = 0
      (18) r1 = map[counters]
      (bf) r2 = r10
      (07) r2 += -4
      (85) call bpf_map_lookup_elem#1
      (15) if r0 == 0x0 goto event_counted.9
      (b7) r1 = 1
      (db) lock *(u64 *)(r0 +88) += r1
event_counted.9:
      (05) goto refused.2
refused.2:
      ; r0 = the row that takes what this one refuses
      (79) r3 = *(u64 *)(r10 -136)
      (61) r2 = *(u32 *)(r3 +124)
      (63) *(u32 *)(r10 -4) = r2
      (18) r1 = map[rows]
      (bf) r2 = r10
      (07) r2 += -4
      (85) call bpf_map_lookup_elem#1
      (15) if r0 == 0x0 goto destination_done.2
      ; r2 = slot of column r6 at r1
      (bf) r1 = r0
      (07) r1 += 64
      (0f) r1 += r6
      (61) r2 = *(u32 *)(r1 +0)
      (55) if r2 != 0x0 goto has_slot.2
      (05) goto destination_done.2
