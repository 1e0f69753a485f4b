package rialto.compat;

/** What the provider serves. */
public interface Who {
    String name();
}
