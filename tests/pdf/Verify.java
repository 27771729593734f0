import java.io.FileInputStream;
import java.util.Map;
import org.verapdf.gf.foundry.VeraGreenfieldFoundryProvider;
import org.verapdf.pdfa.Foundries;
import org.verapdf.pdfa.PDFAParser;
import org.verapdf.pdfa.PDFAValidator;
import org.verapdf.pdfa.flavours.PDFAFlavour;
import org.verapdf.pdfa.results.TestAssertion;
import org.verapdf.pdfa.results.ValidationResult;

/** Asks veraPDF of each file whether it is PDF/A-3a and PDF/UA-1. A line for each: file, flavour, ok or failed, and what failed (rule, times, words). */
public class Verify {
    public static void main(String[] files) throws Exception {
        VeraGreenfieldFoundryProvider.initialise();
        for (String file : files) {
            for (String name : new String[] {"3a", "ua1"}) {
                PDFAFlavour flavour = PDFAFlavour.fromString(name);
                try (FileInputStream in = new FileInputStream(file);
                        PDFAParser parser = Foundries.defaultInstance().createParser(in, flavour)) {
                    PDFAValidator validator = Foundries.defaultInstance().createValidator(flavour, false);
                    ValidationResult result = validator.validate(parser);
                    System.out.println(file + "\t" + name + "\t" + (result.isCompliant() ? "ok" : "failed") + "\t"
                            + result.getTotalAssertions());
                    Map<org.verapdf.pdfa.validation.profiles.RuleId, Integer> failed = result.getFailedChecks();
                    for (TestAssertion each : result.getTestAssertions()) {
                        System.out.println("\t" + each.getRuleId().getClause() + "-" + each.getRuleId().getTestNumber() + "\t"
                                + failed.get(each.getRuleId()) + "\t" + each.getMessage().replace('\n', ' '));
                    }
                }
            }
        }
    }
}
