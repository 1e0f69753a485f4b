package rialto.compat;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import org.apache.dubbo.config.ApplicationConfig;
import org.apache.dubbo.config.ProtocolConfig;
import org.apache.dubbo.config.ReferenceConfig;
import org.apache.dubbo.config.RegistryConfig;
import org.apache.dubbo.config.ServiceConfig;
import org.apache.dubbo.config.bootstrap.DubboBootstrap;
import org.apache.dubbo.rpc.RpcException;

/**
 * With a port the provider of one service, which it exports and withdraws as its input says; without
 * one its consumer, which calls it all the time and prints whom it finds:
 * {@code participant ADDRESS NAME [PORT]}.
 */
public final class Participant {
    private static final int CALL_EVERY_MS = 200;
    // What Dubbo logs is no answer to the driver.
    private static final PrintStream ANSWERS = System.out;

    public static void main(String[] args) throws Exception {
        System.setOut(System.err);
        var application = new ApplicationConfig(args[1]);
        application.setQosEnable(false);
        var registry = new RegistryConfig("nacos://" + args[0]);
        registry.setUsername(System.getenv("COMPAT_USER"));
        registry.setPassword(System.getenv("COMPAT_PASSWORD"));
        var bootstrap = DubboBootstrap.getInstance().application(application).registry(registry);
        if (args.length > 2) {
            provide(bootstrap, args[1], Integer.parseInt(args[2]));
        } else {
            consume(bootstrap);
        }
        System.exit(0);
    }

    private static void provide(DubboBootstrap bootstrap, String name, int port) throws Exception {
        var protocol = new ProtocolConfig("dubbo", port);
        protocol.setHost("127.0.0.1");
        bootstrap.protocol(protocol).start();
        say("ready", "");
        ServiceConfig<Who> service = null;
        var input = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = input.readLine()) != null; ) {
            if (line.equals("register")) {
                service = new ServiceConfig<>();
                service.setInterface(Who.class);
                service.setRef(() -> name);
                service.export();
            } else {
                service.unexport();
            }
            say(line, "");
        }
    }

    private static void consume(DubboBootstrap bootstrap) throws Exception {
        var reference = new ReferenceConfig<Who>();
        reference.setInterface(Who.class);
        reference.setCheck(false);
        reference.setRetries(0);
        bootstrap.reference(reference).start();
        var who = reference.get();
        say("ready", "");
        String before = null;
        while (true) {
            String now = before;
            try {
                now = "\"" + who.name() + "\":[1,\"\",true]";
            } catch (RpcException failed) {
                // A provider that is listed and does not answer is no news of the registry.
                if (failed.getMessage().contains("No provider available")) now = "";
            }
            if (now != null && !now.equals(before)) say("seen", ",\"hosts\":{" + now + "}");
            before = now;
            Thread.sleep(CALL_EVERY_MS);
        }
    }

    private static void say(String step, String found) {
        ANSWERS.println("{\"step\":\"" + step + "\",\"ok\":true" + found + "}");
    }
}
