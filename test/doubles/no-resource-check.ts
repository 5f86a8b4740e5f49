/**
 * Imported by a process, lets every client of @azure/keyvault-secrets that it makes speak to a host that is not Azure's, as our double of Key Vault: the
 * client looks for this option in what it is given, and the product gives no such thing.
 * @module
 */
Object.defineProperty(Object.prototype, "disableChallengeResourceVerification", { value: true, configurable: true });
