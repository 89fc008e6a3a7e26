// Writes typed_data.json: hashes and signatures of EVGI's messages as viem and ethers compute them. The types are
// written here by hand, not read from the Python or the Solidity sources, and the two libraries must agree on every
// value, or nothing is written.
//
//   node tests/vectors/generate_vectors.mjs [FILE]        (after npm ci)

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import * as ethers from "ethers";
import * as viem from "viem";
import { privateKeyToAccount } from "viem/accounts";

const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

const fields = (text) =>
  text.split(",").map((field) => {
    const [type, name] = field.trim().split(" ");
    return { name, type };
  });

const CHARGING_TERMS = fields(
  `bytes32 connector, address creditor, address debtor, bytes32 tariff, bytes32 fallbackTariff,
   uint64 ceilingPerKwh, uint64 ceilingPerHour, uint64 ceilingFlat, uint32 maxEnergy, uint32 maxDuration,
   uint8 maxSoC, uint32 submitWithin, bool exportAllowed`,
);

const TYPES = {
  ChargingAuthorization: {
    ChargingAuthorization: fields("ChargingTerms terms, uint64 startedAt, uint64 maxCost"),
    ChargingTerms: CHARGING_TERMS,
  },
  SessionRecord: {
    SessionRecord: fields(
      `bytes32 authorization, uint64 startedAt, uint64 endedAt, uint64 importStart, uint64 importEnd,
       uint64 exportStart, uint64 exportEnd, uint32 chargingSeconds, uint32 idleSeconds, uint32 parkingSeconds,
       uint8 priceMode, uint64 cost, uint8 stopReason, uint8 clockQuality, bool offline, bytes32 transactionId,
       bytes32 ocmf, uint32 pagination`,
    ),
  },
  PeeringAgreement: {
    PeeringAgreement: fields(
      `address utilityA, address utilityB, uint32 version, address currency, uint32 submitWithin, uint16 feeBps,
       uint128 creditLineA, uint128 creditLineB, uint64 ceilingPerKwh, uint64 ceilingPerHour, uint64 ceilingFlat,
       uint32 window, uint32 disputePeriod, uint32 noticePeriod, uint64 validFrom, uint64 deadline`,
    ),
  },
  OwnerChange: { OwnerChange: fields("address identity, address owner, uint32 nonce, uint64 deadline") },
  DelegateChange: {
    DelegateChange: fields(
      "address identity, bytes32 delegateType, address delegate, uint64 validTo, uint32 nonce, uint64 deadline",
    ),
  },
  AttributeChange: {
    AttributeChange: fields("address identity, bytes32 name, bytes value, uint64 validTo, uint32 nonce, uint64 deadline"),
  },
  EntityCertificate: {
    EntityCertificate: fields(
      `bytes32 id, uint8 entityType, address subject, address issuer, bytes32 schema, bytes32 claims, bytes32 keys,
       address parent, uint64 validFrom, uint64 validUntil, address statusPublisher, uint64 statusIndex`,
    ),
  },
  Accreditation: {
    Accreditation: fields(
      `address anchor, address accreditor, uint16 entityTypes, uint8 depth, uint64 validFrom, uint64 validUntil,
       uint64 deadline`,
    ),
  },
  RevocationCertificate: {
    RevocationCertificate: fields("address issuer, bytes32 target, uint64 effectiveAt, uint8 reason, uint64 deadline"),
  },
  DataHostBootstrapping: {
    DataHostBootstrapping: fields(
      `address owner, bytes32 label, address host, bytes32 endpoint, bytes32 protocols, bytes32 keyAgreement,
       bytes32 dataClasses, uint32 defaultRights, uint64 validFrom, uint64 validUntil, uint64 deadline`,
    ),
  },
  AccessCertificate: {
    AccessCertificate: fields(
      `bytes32 id, address granter, address grantee, bytes32 group, bytes32 resource, uint32 rights, bytes32 purpose,
       uint64 validFrom, uint64 validUntil, bool delegable, uint32 maxUses, bytes32 parent`,
    ),
  },
  UnlockRequest: {
    UnlockRequest: fields(
      `address accessor, address host, bytes32 resource, uint32 rights, bytes32 purpose, bytes32 certificate,
       bytes32 ephemeralKey, bytes32 nonce, uint64 requestedAt, uint64 expiresAt`,
    ),
  },
  UnlockRejection: {
    UnlockRejection: fields("bytes32 request, address host, uint8 reason, uint64 rejectedAt, uint32 retryAfter"),
  },
  UnlockAcceptance: {
    UnlockAcceptance: fields(
      `bytes32 request, address host, bytes32 session, uint32 rights, bytes32 ephemeralKey, uint64 acceptedAt,
       uint64 expiresAt`,
    ),
  },
  CertificatePresentation: {
    CertificatePresentation: fields(
      "address holder, bytes32 credentials, bytes32 challenge, string audience, uint64 createdAt, uint64 expiresAt",
    ),
  },
  StatusList: {
    StatusList: fields("address publisher, bytes32 bits, uint64 length, uint64 validFrom, uint64 validUntil"),
  },
  DataWrite: {
    DataWrite: fields(
      "address writer, address host, bytes32 resource, bytes32 stream, uint64 number, bytes32 content, uint64 writtenAt",
    ),
  },
};

// Their digests differ by domain as all do: one domain each will do, so that the file stays small.
const EVERYWHERE = ["ChargingAuthorization", "SessionRecord", "PeeringAgreement"];

// The only fields whose largest value is not that of their type: they are enumerations.
const LARGEST = { priceMode: 1n, clockQuality: 3n, entityType: 12n };

const seeded = (label) => viem.keccak256(viem.toBytes(label));

/** The smallest, the largest or a pseudo-random value of every field. */
function values(types, name, choice, label) {
  const message = {};
  for (const { name: field, type } of types[name]) {
    const seed = seeded(`${label}.${field}`);
    if (types[type]) message[field] = values(types, type, choice, `${label}.${field}`);
    else if (type === "bool") message[field] = { smallest: false, largest: true }[choice] ?? BigInt(seed) % 2n === 1n;
    else if (type === "bytes32") message[field] = { smallest: viem.toHex(0, { size: 32 }), largest: viem.toHex(2n ** 256n - 1n) }[choice] ?? seed;
    else if (type === "string") message[field] = { smallest: "", largest: "Zähler ⚡ 充電" }[choice] ?? seed;
    else if (type === "bytes") message[field] = { smallest: "0x", largest: `0x${"ff".repeat(65)}` }[choice] ?? seed.slice(0, 60);
    else if (type === "address") message[field] = viem.getAddress({ smallest: viem.zeroAddress, largest: `0x${"ff".repeat(20)}` }[choice] ?? seed.slice(0, 42));
    else {
      const largest = LARGEST[field] ?? 2n ** BigInt(type.slice(4)) - 1n;
      message[field] = { smallest: 0n, largest }[choice] ?? BigInt(seed) % (largest + 1n);
    }
  }
  return message;
}

const DOMAINS = [
  { name: "SessionSettlement", version: "1", chainId: 31337n, verifyingContract: "0x5FbDB2315678afecb367f032d93F642f64180aa3" },
  { name: "SessionSettlement", version: "1", chainId: 1n, verifyingContract: "0x5FbDB2315678afecb367f032d93F642f64180aa3" },
  { name: "SessionSettlement", version: "1", chainId: 31337n, verifyingContract: viem.getAddress(seeded("another contract").slice(0, 42)) },
  { name: "PeeringRegistry", version: "1", chainId: 2n ** 53n - 1n, verifyingContract: viem.getAddress(`0x${"ff".repeat(20)}`) },
  { name: "Ladesäule ⚡ 充電", version: "1.0-β", chainId: 2n ** 256n - 1n, verifyingContract: viem.zeroAddress },
];

const KEYS = [viem.toHex(1n, { size: 32 }), viem.toHex(ORDER - 1n, { size: 32 }), seeded("driver"), seeded("meter")];

const EVSE_IDS = [
  ["DE*AB7*E840*6487", "DEAB7E8406487"],
  ["de-ab7-e840 6487", "DEAB7E8406487"],
  ["NOEVGE1", "NOEVGE1"],
  ["+49*810*000*438", "+49*810*000438"],
  ["49*810*000438", "+49*810*000438"],
];

const SALTED = [
  [viem.toHex(0, { size: 32 }), "DE83DUIEN83QGZ"],
  [seeded("salt"), "NL-TNM-C00122045-K"],
  [seeded("salt"), "Zähler ⚡"],
  [seeded("salt"), ""],
];

async function signatures(types, name, domain, message, digest) {
  const signed = [];
  for (const key of KEYS) {
    const signature = await privateKeyToAccount(key).signTypedData({ domain, types, primaryType: name, message });
    assert.equal(signature, await new ethers.Wallet(key).signTypedData(domain, types, message));
    const { r, s, v } = ethers.Signature.from(signature);
    assert.equal(await viem.recoverAddress({ hash: digest, signature }), ethers.computeAddress(key));
    const compact = r + viem.toHex(v === 27 ? BigInt(s) : ORDER - BigInt(s), { size: 32 }).slice(2);
    // What a contract computes from a packed session: v is always 27 there.
    assert.equal(await viem.recoverAddress({ hash: digest, signature: `${compact}1b` }), ethers.computeAddress(key));
    signed.push({ address: ethers.computeAddress(key), signature, v, compact });
  }
  return signed;
}

async function messageVectors() {
  const vectors = [];
  for (const [name, types] of Object.entries(TYPES)) {
    const encoder = ethers.TypedDataEncoder.from(types);
    for (const choice of ["smallest", "largest", "first", "second", "third"]) {
      const message = values(types, name, choice, `${name} ${choice}`);
      const structHash = encoder.hashStruct(name, message);
      assert.equal(structHash, viem.hashStruct({ data: message, primaryType: name, types }));
      const signedIn = [];
      for (const [index, domain] of DOMAINS.entries()) {
        if (!EVERYWHERE.includes(name) && index !== vectors.length % DOMAINS.length) continue;
        const digest = viem.hashTypedData({ domain, types, primaryType: name, message });
        assert.equal(digest, ethers.TypedDataEncoder.hash(domain, types, message));
        signedIn.push({ domain: index, digest, signatures: await signatures(types, name, domain, message, digest) });
      }
      vectors.push({ type: name, values: choice, message, structHash, signed: signedIn });
    }
  }
  return vectors;
}

function typeVectors() {
  return Object.entries({ ...TYPES, ChargingTerms: { ChargingTerms: CHARGING_TERMS } }).map(([name, types]) => {
    const typeString = ethers.TypedDataEncoder.from(types).encodeType(name);
    // viem keeps its type strings to itself; that its struct hashes are the same shows that they are too.
    return { type: name, typeString, typeHash: ethers.id(typeString) };
  });
}

function domainVectors() {
  return DOMAINS.map((domain) => {
    const separator = viem.domainSeparator({ domain });
    assert.equal(separator, ethers.TypedDataEncoder.hashDomain(domain));
    return { domain, separator };
  });
}

function connectorVectors() {
  return EVSE_IDS.flatMap(([evseId, normalised]) =>
    [0, 1, 255].map((number) => {
      const evseIdHash = ethers.id(normalised);
      const connector = viem.keccak256(viem.encodeAbiParameters([{ type: "bytes32" }, { type: "uint8" }], [evseIdHash, number]));
      assert.equal(connector, ethers.keccak256(ethers.AbiCoder.defaultAbiCoder().encode(["bytes32", "uint8"], [evseIdHash, number])));
      return { evseId, normalised, evseIdHash, number, connector };
    }),
  );
}

function saltedVectors() {
  return SALTED.map(([salt, value]) => {
    const hash = viem.keccak256(viem.concat([salt, viem.toHex(viem.toBytes(value))]));
    assert.equal(hash, ethers.solidityPackedKeccak256(["bytes32", "string"], [salt, value]));
    return { salt, value, hash };
  });
}

function version(name) {
  const entry = createRequire(import.meta.url).resolve(name);
  const folder = entry.slice(0, entry.lastIndexOf(`node_modules/${name}/`) + `node_modules/${name}/`.length);
  return JSON.parse(readFileSync(`${folder}package.json`, "utf8")).version;
}

const vectors = {
  computedBy: { viem: version("viem"), ethers: version("ethers") },
  keys: KEYS.map((key) => ({ key, address: ethers.computeAddress(key) })),
  types: typeVectors(),
  domains: domainVectors(),
  messages: await messageVectors(),
  connectors: connectorVectors(),
  salted: saltedVectors(),
};

const target = process.argv[2] ?? fileURLToPath(new URL("typed_data.json", import.meta.url));
writeFileSync(target, `${JSON.stringify(vectors, (_, value) => (typeof value === "bigint" ? value.toString() : value), 1)}\n`);
