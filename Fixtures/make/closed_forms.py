"""The closed forms of knowledge editing, written as directly as possible, in float64.

Nothing here is clever: every function builds and solves the full inputWidth × inputWidth (d × d) problem of its paper or
takes the explicit inverse. The point is to judge an implementation that does it another way (n × n, cached Cholesky).

Shapes: keys [n, d] and earlier_keys [m, d] hold one key per row; second_moment [d, d] is the mean of k kᵀ.
Every function returns the adjusted keys A [n, d]; with residuals R [n, o] the update of the weight [o, d] is Rᵀ A.
"""
import numpy as np


def memit(keys, second_moment, weight, earlier_keys=None):
    """A = ((λC + KpᵀKp + KᵀK)⁻¹ Kᵀ)ᵀ: least squares on the edits, quadratic penalty on everything seen before."""
    system = weight * second_moment + keys.T @ keys
    if earlier_keys is not None:
        system = system + earlier_keys.T @ earlier_keys
    return np.linalg.solve(system, keys.T).T


def emmet(keys, second_moment, ridge=0.0):
    """A = (K Q Kᵀ + ρI)⁻¹ K Q with Q = C⁻¹ inverted explicitly; ρ = 0 makes every edit exact."""
    inverse = np.linalg.inv(second_moment)
    gram = keys @ inverse @ keys.T + ridge * np.eye(len(keys))
    return np.linalg.inv(gram) @ keys @ inverse


def rome(key, second_moment):
    """A = C⁻¹k / (kᵀC⁻¹k) for one key [d]; returned as [1, d]."""
    direction = np.linalg.solve(second_moment, key)
    return (direction / (key @ direction))[None, :]


def identity(keys):
    """A = (K Kᵀ)⁻¹ K: the smallest update in the Frobenius norm, no second moment (Q = I, ρ = 0)."""
    return np.linalg.inv(keys @ keys.T) @ keys


def null_space_projector(second_moment, threshold):
    """P over the eigenvectors of C whose eigenvalue is below the absolute threshold, and their number."""
    values, vectors = np.linalg.eigh(second_moment)
    kept = vectors[:, values < threshold]
    return kept @ kept.T, kept.shape[1]


def alphaedit(keys, projector, ridge, earlier_keys=None):
    """A = ((P(KᵀK + KpᵀKp) + L2·I)⁻¹ P Kᵀ)ᵀ: the non-symmetric system of the paper, as it stands."""
    gram = keys.T @ keys
    if earlier_keys is not None:
        gram = gram + earlier_keys.T @ earlier_keys
    system = projector @ gram + ridge * np.eye(len(projector))
    return np.linalg.solve(system, projector @ keys.T).T


def all_methods(keys, earlier_keys, later_keys, second_moment, weight, ridge, threshold, l2):
    """Adjusted keys of every method, and the parameters of each as plain data.

    keys: the batch of the methods without a past. earlier_keys / later_keys: past and batch of the sequential ones.
    """
    projector, rank = null_space_projector(second_moment, threshold)
    past = {"earlier_keys": len(earlier_keys), "batch": len(later_keys)}
    alpha = {"null_space_threshold": threshold, "null_space_rank": rank, "l2": l2}
    adjusted = {
        "memit": memit(keys, second_moment, weight),
        "emmet": emmet(keys, second_moment),
        "emmet-ridge": emmet(keys, second_moment, ridge),
        "alphaedit": alphaedit(keys, projector, l2),
        "alphaedit-sequential": alphaedit(later_keys, projector, l2, earlier_keys),
        "memit-sequential": memit(later_keys, second_moment, weight, earlier_keys),
        "identity": identity(keys),
        "rome": rome(keys[0], second_moment),
    }
    parameters = {
        "memit": {"second_moment_weight": weight, "batch": len(keys)},
        "emmet": {"ridge": 0, "batch": len(keys)},
        "emmet-ridge": {"ridge": ridge, "batch": len(keys)},
        "alphaedit": {**alpha, "batch": len(keys)},
        "alphaedit-sequential": {**alpha, **past},
        "memit-sequential": {"second_moment_weight": weight, **past},
        "identity": {"ridge": 0, "batch": len(keys)},
        "rome": {"batch": 1},
    }
    return adjusted, parameters
