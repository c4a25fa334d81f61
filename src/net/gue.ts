/** UDP port of Generic UDP Encapsulation (IANA, draft-ietf-intarea-gue). */
export const GUE_PORT = 6080
